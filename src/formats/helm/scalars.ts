/**
 * The text that Helm reads from a plain scalar. Helm's library (sigs.k8s.io/yaml) resolves it by YAML 1.1 and formats
 * numbers and booleans anew where the chart has text: `1.10` becomes `1.1`, `010` becomes `8`, `yes` becomes `true`.
 */
export function goText(scalar: string): string {
  const word = words.get(scalar);
  if (word !== undefined) return word;
  if (/^\.[0-9]+(?:[eE][-+]?[0-9]+)?$/.test(scalar)) return formatFloat(Number(scalar));
  if (!/^[-+0-9]/.test(scalar)) return scalar;
  const plain = scalar.replaceAll("_", "");
  const integer = parseInteger(plain);
  if (integer !== undefined) return integer.toString();
  return /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(plain)
    ? formatFloat(Number(plain))
    : scalar;
}

const words = new Map<string, string>();
for (const [text, spellings] of [
  ["true", "y Y yes Yes YES true True TRUE on On ON"],
  ["false", "n N no No NO false False FALSE off Off OFF"],
  ["", "~ null Null NULL"],
] as const)
  for (const spelling of spellings.split(" ")) words.set(spelling, text);

/** As Go's ParseInt with base 0: a leading 0 means octal. Undefined: no integer, or beyond 64 bits. */
function parseInteger(text: string): bigint | undefined {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/.exec(text);
  if (match === null) return undefined;
  const [, sign, digits = ""] = match;
  const size = BigInt(digits.replace(/^0(?=[0-7])/, "0o").toLowerCase());
  const value = sign === "-" ? -size : size;
  return value >= -(2n ** 63n) && value < 2n ** 64n ? value : undefined;
}

/** As Go's FormatFloat(value, 'g', -1, 32): the shortest digits of the nearest 32-bit number. */
function formatFloat(value: number): string {
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return single > 0 ? "+Inf" : "-Inf";
  let digits = 1;
  while (Math.fround(Number(single.toPrecision(digits))) !== single) digits++;
  const short = Number(single.toPrecision(digits));
  const [mantissa, exponent = "0"] = short.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return short.toString();
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
