/** HTTP-date in its three forms, and nothing else that `Date.parse` would take. RFC 9110 section 5.6.7. */
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const month = `(${months.join("|")})`;
const time = "(\\d\\d):(\\d\\d):(\\d\\d)";
const fixdate = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\\d\\d) ${month} (\\d{4}) ${time} GMT$`);
const rfc850 = new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\\d\\d)-${month}-(\\d\\d) ${time} GMT$`);
const asctime = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${month} ([ \\d]\\d) ${time} (\\d{4})$`);

/** Ms since 1970, or null. `now` settles the century of a year with two digits: never more than 50 years ahead. */
export function readHttpDate(text: string | null, now: number): number | null {
  if (text === null) return null;
  const fixed = fixdate.exec(text);
  if (fixed !== null) return instantOf(fixed[3], fixed[2], fixed[1], fixed.slice(4));
  const old = rfc850.exec(text);
  if (old !== null) return instantOf(String(yearOf(Number(old[3]), now)), old[2], old[1], old.slice(4));
  const c = asctime.exec(text);
  if (c !== null) return instantOf(c[6], c[1], c[2], c.slice(3, 6));
  return null;
}

function yearOf(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}

function instantOf(
  year: string | undefined,
  monthName: string | undefined,
  day: string | undefined,
  clock: readonly string[],
): number | null {
  const [hours = 0, minutes = 0, seconds = 0] = clock.map(Number);
  const midnight = Date.UTC(Number(year), months.indexOf(monthName ?? ""), Number(day));
  // 31 February is no date, and 25:00 no time; a leap second is.
  const isReal = new Date(midnight).getUTCDate() === Number(day) && hours < 24 && minutes < 60 && seconds <= 60;
  return isReal ? midnight + ((hours * 60 + minutes) * 60 + seconds) * 1_000 : null;
}
