import { Type, type Static } from "typebox";
import { errorCodes, type ErrorCode } from "../../../errors.ts";
import { count, flag, maybe, oneOf, text, word } from "./parts.ts";

export const CatalogReadyResult = Type.Object({
  kind: text("postgres or pglite"),
  location: text(),
  applied: Type.Array(text(), { description: "names of the migrations that were applied" }),
});
export type CatalogReadyResult = Static<typeof CatalogReadyResult>;

export const SequenceResult = Type.Object({
  table: text(),
  last: count("the last id that the sequence gave"),
  highest: count("the highest id of a row"),
});
export type SequenceResult = Static<typeof SequenceResult>;

export const CatalogStatusResult = Type.Object({
  kind: oneOf(["postgres", "pglite"]),
  location: text(),
  server: text(),
  version: count("applied migrations"),
  newest: count("migrations that this feedctl needs"),
  lagging: Type.Array(SequenceResult, { description: "sequences that give ids which rows have already" }),
});
export type CatalogStatusResult = Static<typeof CatalogStatusResult>;

export const SettingResult = Type.Object({
  name: text(),
  value: text("the effective value"),
  origin: oneOf(["catalog", "config", "default"]),
  description: text(),
});
export type SettingResult = Static<typeof SettingResult>;

export const SettingChangeResult = Type.Object({
  setting: SettingResult,
  before: SettingResult,
  moved: Type.Array(
    Type.Object({
      feed: text(),
      from: text(),
      to: text(),
      kept: flag("its files move with --migrate"),
      files: count("catalogued files in the former directory; 0 when the change leads back to them"),
      bytes: count(),
    }),
    { description: "feeds whose directory changes" },
  ),
});
export type SettingChangeResult = Static<typeof SettingChangeResult>;

export const RotationResult = Type.Object({
  sealed: count("stores that were sealed anew"),
  current: count("stores that an interrupted run has sealed with the current key"),
  failed: Type.Array(Type.Object({ store: count("id of the store"), feed: text(), reason: text() }), {
    description: "stores that no key opens, or that feedctl did not save",
  }),
});
export type RotationResult = Static<typeof RotationResult>;

export const SchemaListResult = Type.Object({
  command: text("argument of feedctl schema"),
  output: oneOf(["document", "lines"], "lines: one JSON object per line, as things happen"),
  description: text(),
});
export type SchemaListResult = Static<typeof SchemaListResult>;

const codes: readonly (ErrorCode | "bug")[] = [...(Object.keys(errorCodes) as ErrorCode[]), "bug"];

/** With --json on standard error, as its last line. */
export const ErrorLine = Type.Object({
  type: word("error"),
  code: oneOf(codes),
  message: text(),
  hint: maybe(text("one command or setting that helps")),
});
export type ErrorLine = Static<typeof ErrorLine>;
