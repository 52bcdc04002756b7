import { counted, formatSize } from "../../../lib/format-size.ts";
import { isZero, never, nothing, sameValue, type Criterion } from "./criterion.ts";
import { flag, size, wholeNumber } from "./values.ts";

export const sizeTrigger: Criterion<"sizeTrigger"> = {
  flag: "size-trigger",
  value: size,
  placeholder: "size",
  help: "only while the feed holds more than this, as 500M",
  of: "both",
  role: "quota",
  alias: { name: "sizeTriggerKb", unit: "K" },
  takesAll: isZero,
  query: sameValue,
  describe: (value, { terms }) => `while ${terms.holder} more than ${formatSize(value)}`,
  reason(value, { terms, item: { bytesBefore } }) {
    if (bytesBefore === null) return undefined;
    return `${terms.holder} ${formatSize(bytesBefore)} (limit: ${formatSize(value)})`;
  },
  unmet(value, { terms, item: { bytesBefore } }) {
    if (bytesBefore === null) return undefined;
    return `${terms.holder} no more than ${formatSize(bytesBefore)} when its turn comes (limit: ${formatSize(value)})`;
  },
};

export const countTrigger: Criterion<"countTrigger"> = {
  flag: "count-trigger",
  value: wholeNumber,
  placeholder: "count",
  help: "only while the feed holds more versions, or files, than this",
  of: "both",
  role: "quota",
  takesAll: isZero,
  query: sameValue,
  describe: (value, { terms }) => `while ${terms.holder} more than ${counted(value, terms.item)}`,
  reason(value, { terms, item: { countBefore } }) {
    if (countBefore === null) return undefined;
    return `${terms.holder} ${counted(countBefore, terms.item)} (limit: ${value})`;
  },
  unmet(value, { terms, item: { countBefore } }) {
    if (countBefore === null) return undefined;
    return `${terms.holder} no more than ${counted(countBefore, terms.item)} when its turn comes (limit: ${value})`;
  },
};

export const sizeExclusive: Criterion<"sizeExclusive"> = {
  flag: "size-exclusive",
  value: flag,
  placeholder: "",
  help: "the triggers look at the versions that match, not at the whole feed",
  of: "both",
  role: "option",
  needs: ["sizeTrigger", "countTrigger"],
  takesAll: never,
  query: sameValue,
  describe: nothing,
  reason: nothing,
  unmet: nothing,
};
