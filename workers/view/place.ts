/**
 * Where an isolate is. The only honest sign is the data centre (`cf.colo`, an IATA code); a wrong guess costs latency
 * and nothing else, because every Region has the same numbering.
 */
import { regionNames, type RegionName } from "../../durable-objects/names.ts";

/** Data centres by the location hint that is nearest, as the platform's network map lists them. */
const colos: Readonly<Record<RegionName, string>> = {
  wnam: "ABQ ANC BOI DEN GDL HNL LAS LAX OKC PDX PHX QRO SAN SEA SFO SJC SLC SMF TIJ YVR YWG YXE YYC YEG FSD MEX MCI",
  enam: "AUS ATL BGR BNA BOS BUF CHI CLE CLT CMH DFW DTW EWR IAD IAH IND JAX MEM MIA MFE MSP OMA ORD ORF PHL PIT RDU RIC SAT STL TLH TPA YHZ YOW YUL YYZ BGI GND KIN NAS PAP POS SDQ SJU STI GUA MGA PTY SAL SJO TGU",
  sam: "AAP ARI ARU ASU BAQ BEL BNU BOG BSB CAW CCP CFC CGB CLO CNF COR CWB EZE FLN FOR GEO GIG GRU GYE GYN ITJ JDO JOI LIM LPB MAO MDE MVD NQN NVT PBM PMW POA POS QWJ RAO REC SCL SJK SJP SOD SSA UDI UIO VCP VIX XAP",
  weur: "AMS ARN BCN BOD BRU CDG CPH CWL DUB DUS EDI FRA GOT GVA HAM HEL KEF LCY LHR LIS LUX LYS MAD MAN MRS MUC MXP NCE OPO ORK OSL PMO STR SVG SXB TXL TRD VIE VLC ZRH FCO PMI BGO",
  eeur: "ATH BEG BRQ BUD BTS CLJ DME EVN GYD IEV IST KBP KIV KJA KLD LED LCA OTP PRG RIX SKG SKP SOF SVX TBS TIA TLL TGD VNO WAW WRO ZAG OSR ALA NQZ TAS FRU",
  apac: "BKK BOM BWN BLR CAN CCU CEB CGK CGP CMB CNX COK CRK CSX CTU DAC DAD DEL DPS FUK FUO HAN HGH HKG HND HYD ICN ISB JHB JOG KCH KHH KHI KIX KNU KTM KUL LHE MAA MFM MLE MNL NAG NGO NRT OKA PAT PEK PNH PVG RGN SGN SIN SZX TNA TPE TSN ULN URT VTE WUH XIY XMN",
  oc: "ADL AKL BNE CBR CHC GUM HBA MEL NOU PER PPT SUV SYD",
  afr: "ABJ ACC ADD ALG ASK BJL CAI CPT DAR DKR DUR EBB ELS FIH GBE HRE JNB JIB KGL LAD LLW LOS LUN MBA MPM MRU NBO NDJ NVA OUA RUN TNR TUN WDH CMN ORN AAE",
  me: "AMM BAH BEY BGW BSR DMM DOH DXB EBL HFA ISU JED KWI LLK MCT NJF RUH TLV XNH ZDM MRA",
};

/** Latitude and longitude about where a hint's objects live, degrees: for "nearest", nothing finer. */
const centres: Readonly<Record<RegionName, readonly [number, number]>> = {
  wnam: [37, -121],
  enam: [39, -77],
  sam: [-23, -46],
  weur: [50, 5],
  eeur: [52, 21],
  apac: [22, 114],
  oc: [-33, 151],
  afr: [-26, 28],
  me: [25, 55],
};

const continents: Readonly<Record<string, RegionName>> = {
  NA: "enam",
  SA: "sam",
  EU: "weur",
  AS: "apac",
  OC: "oc",
  AF: "afr",
  AN: "oc",
};

let regionsByColo: ReadonlyMap<string, RegionName> | null = null;

/** The region of a data centre, or, where the mesh has none there, the nearest that it has. */
export function regionOfColo(
  colo: string | undefined,
  continent: string | undefined,
  regions: readonly RegionName[],
): RegionName {
  regionsByColo ??= new Map(
    regionNames.flatMap((region) => colos[region].split(" ").map((code): [string, RegionName] => [code, region])),
  );
  const place = regionsByColo.get(colo ?? "") ?? continents[continent ?? ""] ?? "enam";
  return nearestFirst(place, regions)[0] ?? place;
}

/** The regions of the mesh by their distance from `from`, itself first. */
export function nearestFirst(from: RegionName, regions: readonly RegionName[]): readonly RegionName[] {
  return regions.toSorted((a, b) => distance(from, a) - distance(from, b));
}

/** On the unit sphere, by the haversine formula. */
function distance(from: RegionName, to: RegionName): number {
  const [latitude, longitude] = centres[from].map(radians);
  const [otherLatitude, otherLongitude] = centres[to].map(radians);
  if (latitude === undefined || longitude === undefined) return Infinity;
  if (otherLatitude === undefined || otherLongitude === undefined) return Infinity;
  const half =
    Math.sin((otherLatitude - latitude) / 2) ** 2 +
    Math.cos(latitude) * Math.cos(otherLatitude) * Math.sin((otherLongitude - longitude) / 2) ** 2;
  return 2 * Math.asin(Math.sqrt(half));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
