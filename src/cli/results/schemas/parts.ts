import { Type, type Static, type TSchema } from "typebox";

/**
 * Building blocks of result schemas. The static types describe results before serialization: `JSON.stringify` writes a
 * `Date` as text and omits members that are `undefined`.
 */

export function text(description?: string) {
  return Type.String(described(description));
}

/** A whole number from 0: items, bytes, milliseconds or an id. */
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

/** The discriminator of a union. */
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

/** An object whose member names are data, such as user metadata. */
export function mapOf<Schema extends TSchema>(schema: Schema, description?: string) {
  return Type.Unsafe<Record<string, Static<Schema>>>({
    type: "object",
    additionalProperties: schema,
    ...described(description),
  });
}

/** An object of any form. */
export function freeObject(description: string) {
  return Type.Unsafe<Record<string, unknown>>({ type: "object", description });
}

/** What the provider keeps of deleted blobs. */
export const keptBlobs = {
  keptBlobs: count("deleted blobs that the provider keeps, so that their space is not free"),
  keptBy: nullable(text(), "why it keeps them: versioning, soft delete"),
  keptUntil: nullable(time(), "null: until somebody deletes the earlier versions, or nothing is kept"),
};

export const hashes = { md5: text(), sha1: text(), sha256: text(), sha512: text() };

function described(description: string | undefined): { description?: string } {
  return description === undefined ? {} : { description };
}
