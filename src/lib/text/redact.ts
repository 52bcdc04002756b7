/**
 * The secret values that this process uses. The code that resolves one registers it before its first use; the code that
 * makes or prints an error redacts its text. The registry belongs to the process: an error of one store may quote a
 * secret of another.
 */
const known = new Set<string>();
/** Matches every known secret; undefined when it must be built anew. */
let pattern: RegExp | undefined;

const MASK = "***";
/** Shorter values are not redacted: they occur in ordinary text. */
const SHORTEST = 6;
/** Passwords of test servers. Messages would become unreadable without these words. */
const ordinary = new Set(["password", "postgres", "feedctl"]);
/** A message may be cut off: the first characters of a long secret count as the whole. */
const LONG = 24;
const BEGINNING = 16;

/** Registers secrets; errors show neither them nor what servers make of them. Undefined and short values are ignored. */
export function registerSecrets(...values: readonly (string | undefined)[]): void {
  for (const value of values) {
    if (value === undefined || known.has(value)) continue;
    registerParts(value);
    // a private key has several lines; the first and the last one are the same in every key
    for (const line of value.split(/\r?\n|\\n/)) {
      const text = line.trim();
      if (text.length < SHORTEST || ordinary.has(text) || known.has(text) || /^-----[A-Z ]+-----$/.test(text)) continue;
      known.add(text);
      pattern = undefined;
    }
  }
}

/** As `registerSecrets`, for a URL that is shown without its secrets, such as that of a database or proxy. */
export function registerUrl(url: string | undefined): void {
  if (url !== undefined) registerParts(url);
}

/** Registers passwords of URLs, and the values of parameters that are secret by their name. */
function registerParts(text: string): void {
  for (const [whole, user, password = ""] of text.matchAll(/:\/\/([^/?#\s:]*):([^/?#\s]*)@/g))
    if (password !== user && !text.replace(whole, "").includes(password)) registerDecoded(password);
  for (const [, value = ""] of text.matchAll(/(?:^|[?&;\s])(?:sig|AccountKey|password|sslpassword)=([^&;\s]+)/gi))
    registerDecoded(value);
}

function registerDecoded(text: string): void {
  registerSecrets(text);
  try {
    registerSecrets(decodeURIComponent(text));
  } catch {
    // not percent-encoded
  }
}

/** Parameters of signed URLs and connection strings that are secret whatever their value. */
const parameters =
  /\b(sig|signature|AccountKey|SharedAccessSignature|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)(=|%3D)[^&;\s"'<>\\]+/gi;
const credentials = /\b(Bearer|SharedKey|AWS4-HMAC-SHA256)( +)[^\s"'<>\\][^\r\n"'<>\\]*/g;
// no scheme is longer; without an end the search would take quadratic time
const passwords = /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@"'\\]*:)[^\s/@"'\\]+@/gi;

/** Replaces known secrets, and what is secret by its form: signatures, authorization headers, passwords in URLs. */
export function redact(text: string): string {
  const shown = text
    .replace(parameters, `$1$2${MASK}`)
    .replace(credentials, `$1$2${MASK}`)
    .replace(passwords, `$1${MASK}@`);
  return known.size === 0 ? shown : shown.replace((pattern ??= build()), MASK);
}

function build(): RegExp {
  // the longest first: one secret may begin with another
  const forms = [...new Set([...known].flatMap(spellings))].toSorted((a, b) => b.length - a.length);
  return new RegExp([...forms.map(escaped), ...forms.flatMap(cutOff)].join("|"), "g");
}

/** The secret as it is, and as it appears in URLs, forms, JSON, XML and in base64. */
function spellings(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed());
  return [
    secret,
    encoded,
    encoded.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    encoded.replaceAll("%20", "+"),
    JSON.stringify(secret).slice(1, -1),
    secret.replaceAll("/", "\\/"),
    secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
    Buffer.from(secret).toString("base64"),
  ];
}

/** The beginning of a long secret, with as many of its characters as follow. URLs and lists begin with no secret. */
function cutOff(form: string): string[] {
  if (form.length < LONG || /:\/\/|^\w+=\w/.test(form)) return [];
  // neither quotes nor backslashes: the text may be JSON
  const characters = [...new Set(form.replaceAll(/["'\\]/g, ""))].map(escaped).join("");
  return [`${escaped(form.slice(0, BEGINNING))}[${characters}]*`];
}

/** For a pattern, inside and outside of brackets: the oldest Node that feedctl supports has no function for that. */
function escaped(text: string): string {
  return text.replaceAll(
    /[\\^$.*+?()[\]{}|/-]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
