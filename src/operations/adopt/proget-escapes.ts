/**
 * Until February 2021 ProGet wrote some characters of S3 keys as `!` and two hexadecimal digits of each of their bytes.
 * Our own keys have an exclamation mark too, but before versions of Debian and RPM only.
 */
const ESCAPED = /(?:![0-9a-f]{2})+/gi;

/** Characters that ProGet escaped: `!41` is a name, for nobody escaped an `A`. */
// oxlint-disable-next-line no-control-regex -- control characters were escaped as well
const SPECIAL = /^[\u0000-\u0020&$@=;:+,?\\{^}%`\]"'>[~<#|!\u007f-\uffff]+$/u;

/** The name as it was before ProGet escaped it. */
export function plainName(name: string): string {
  return name.replaceAll(ESCAPED, (text) => {
    const meant = Buffer.from(text.replaceAll("!", ""), "hex").toString("utf8");
    return SPECIAL.test(meant) ? meant : text;
  });
}

export function wasEscaped(name: string): boolean {
  return plainName(name) !== name;
}
