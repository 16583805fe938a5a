/**
 * Codes and refresh tokens as text. They name what they are for and carry a MAC, so that a made-up one is refused without
 * a call; nothing else about them is secret, and nothing of them is kept.
 */
import { base64url, type MeshKey } from "./mesh-key.ts";

export interface RefreshText {
  readonly family: string;
  readonly generation: number;
}

const refreshPattern = /^slr_([A-Za-z0-9_-]{22})\.([1-9]\d{0,8})\.([A-Za-z0-9_-]{43})$/;
const codePattern = /^slc_([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** 128 random bits: also the `sid` of the access tokens that come of it. */
export function newFamily(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(16)));
}

export async function writeRefresh({ family, generation }: RefreshText, key: MeshKey): Promise<string> {
  const named = `slr_${family}.${generation}`;
  return `${named}.${await key.sign(named)}`;
}

/** Null for what the mesh did not write. */
export async function readRefresh(text: string, key: MeshKey): Promise<RefreshText | null> {
  const [, family, generation, mac] = refreshPattern.exec(text) ?? [];
  if (family === undefined || generation === undefined || mac === undefined) return null;
  const isOurs = await key.verifies(`slr_${family}.${generation}`, mac);
  return isOurs ? { family, generation: Number(generation) } : null;
}

export async function writeCode(family: string, key: MeshKey): Promise<string> {
  const named = `slc_${family}`;
  return `${named}.${await key.sign(named)}`;
}

/** The family that it begins; null for what the mesh did not write. */
export async function readCode(text: string, key: MeshKey): Promise<string | null> {
  const [, family, mac] = codePattern.exec(text) ?? [];
  if (family === undefined || mac === undefined) return null;
  return (await key.verifies(`slc_${family}`, mac)) ? family : null;
}
