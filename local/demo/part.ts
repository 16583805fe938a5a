/** What a part of the inventory is, and how one is read from a request: the mistakes are named, never guessed away. */
export interface Part {
  readonly id: string;
  readonly name: string;
  /** Pieces on the shelf. */
  readonly stock: number;
  readonly shelf: string;
}

export type PartFields = Omit<Part, "id">;

export type Read<Value> =
  | { readonly kind: "read"; readonly value: Value }
  | { readonly kind: "mistake"; readonly detail: string };

const idPattern = /^[a-z0-9][a-z0-9-]{0,31}$/;

export function isPartId(text: string): boolean {
  return idPattern.test(text);
}

/** All fields (`PUT`, `POST`). */
export function readPart(value: unknown): Read<PartFields> {
  const some = readChange(value);
  if (some.kind === "mistake") return some;
  const { name, stock, shelf } = some.value;
  if (name === undefined || stock === undefined || shelf === undefined) {
    return mistake("expected the fields name, stock and shelf");
  }
  return { kind: "read", value: { name, stock, shelf } };
}

/** Some fields (`PATCH`). */
export function readChange(value: unknown): Read<Partial<PartFields>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return mistake("expected an object");
  for (const [field, content] of Object.entries(value)) {
    if (field === "stock") {
      if (!Number.isSafeInteger(content) || Number(content) < 0)
        return mistake("stock: expected a whole number from 0");
    } else if (field === "name" || field === "shelf") {
      if (!isShortText(content)) return mistake(`${field}: expected a text of 1 to 100 characters`);
    } else {
      return mistake("expected no other fields than name, stock and shelf");
    }
  }
  return { kind: "read", value };
}

function isShortText(value: unknown): value is string {
  return typeof value === "string" && value.length >= 1 && value.length <= 100;
}

function mistake(detail: string): { readonly kind: "mistake"; readonly detail: string } {
  return { kind: "mistake", detail };
}

export const firstParts: readonly Part[] = [
  { id: "1", name: "Bobbin", stock: 120, shelf: "A1" },
  { id: "2", name: "Heddle", stock: 48, shelf: "A2" },
  { id: "3", name: "Reed", stock: 7, shelf: "B1" },
  { id: "4", name: "Shuttle", stock: 15, shelf: "B2" },
  { id: "5", name: "Treadle", stock: 4, shelf: "C1" },
];
