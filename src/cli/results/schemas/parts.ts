import { Type, type Static, type TSchema } from "typebox";

/**
 * The pieces that schemas of results are made of. A result is an object before it is written: a `Date` of it becomes a
 * text, and a member that is `undefined` is left out.
 */

export function text(description?: string) {
  return Type.String(described(description));
}

/** A number of things, bytes or milliseconds. */
export function count(description?: string) {
  return Type.Integer({ minimum: 0, ...described(description) });
}

export function flag(description?: string) {
  return Type.Boolean(described(description));
}

export function time(description?: string) {
  return Type.Unsafe<Date>({ type: "string", format: "date-time", ...described(description) });
}

export function oneOf<const Words extends readonly string[]>(words: Words, description?: string) {
  return Type.Unsafe<Words[number]>({ type: "string", enum: words, ...described(description) });
}

/** The member that tells the kinds of a union apart. */
export function word<Word extends string>(value: Word) {
  return Type.Literal(value);
}

export function nullable<Schema extends TSchema>(schema: Schema, description?: string) {
  return Type.Union([schema, Type.Null()], described(description));
}

/** A member that may be missing. */
export function maybe<Schema extends TSchema>(schema: Schema) {
  return Type.Optional(Type.Unsafe<Static<Schema> | undefined>(schema));
}

/** An object whose member names are data. */
export function mapOf<Schema extends TSchema>(schema: Schema, description?: string) {
  return Type.Unsafe<Record<string, Static<Schema>>>({
    type: "object",
    additionalProperties: schema,
    ...described(description),
  });
}

/** What a package or a person wrote, of any form. */
export function freeObject(description: string) {
  return Type.Unsafe<Record<string, unknown>>({ type: "object", description });
}

export const hashes = { md5: text(), sha1: text(), sha256: text(), sha512: text() };

function described(description: string | undefined): { description?: string } {
  return description === undefined ? {} : { description };
}
