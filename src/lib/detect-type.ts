import { knownType } from "./content-type.ts";

/** So many of the first bytes tell a type. */
export const HEAD = 4096;

const UNKNOWN = "application/octet-stream";
const TEXT = "text/plain; charset=utf-8";

/**
 * What bytes may be taken for: types that a browser shows, plays or saves, and never runs. HTML, JavaScript, SVG, other
 * XML and Flash are not among them: whoever may upload a file could make it a web page of the host that serves it. So
 * nobody gets one out of a name that does not say so.
 */
const INERT = new RegExp(
  `^(?:(?:audio|font|video)/|image/(?!svg)|application/(?:${[
    "pdf|ogg|avro|wasm|rtf|dicom|epub\\+zip|java-archive",
    "zip|gzip|zstd|lzip|x-(?:7z-compressed|bzip2|xz|tar|lz4|compress|rar-compressed|unix-archive|cpio)",
    "x-(?:deb|rpm|sqlite3|iso9660-image|apple-diskimage)|vnd\\.(?:ms-cab-compressed|tcpdump\\.pcap|debian\\.binary-package|rar)",
    "vnd\\.apache\\.(?:parquet|arrow\\.file)|vnd\\.(?:openxmlformats-officedocument|oasis\\.opendocument)\\.[\\w.-]+",
  ].join("|")})$)`,
);

export interface FirstBytes {
  head: Uint8Array;
  /** Of the whole file. */
  size: number;
}

/**
 * The media type of a file: by the ending of its name where that is known, whatever the bytes are; else what the first
 * bytes are known by; else plain text, if they are UTF-8 text; else nothing in particular.
 */
export async function detectType(name: string, { head, size }: FirstBytes): Promise<string> {
  const known = knownType(name);
  if (known !== undefined || head.length === 0) return known ?? UNKNOWN;
  // what is text is never taken for more: two letters make a bitmap for whoever looks for its mark only
  if (isText(head, head.length < size)) return startsWith(head, "%PDF-") ? "application/pdf" : TEXT;
  const found = await byMark(head);
  if (found === undefined || !INERT.test(found.mime)) return UNKNOWN;
  // one word for one type, however it was found
  return (found.mime.startsWith("application/") ? knownType(`x.${found.ext}`) : undefined) ?? found.mime;
}

/** Whether the name says nothing, so that the first bytes are needed. */
export function needsBytes(name: string): boolean {
  return knownType(name) === undefined;
}

/** Whether a type is one that the bytes may have told, rather than somebody who wanted it. */
export function mayBeDetected(type: string): boolean {
  return type === UNKNOWN || type === TEXT || INERT.test(type);
}

/** Loaded only for a file whose name says nothing. */
async function byMark(head: Uint8Array): Promise<{ ext: string; mime: string } | undefined> {
  const { fileTypeFromBuffer } = await import("file-type");
  try {
    return await fileTypeFromBuffer(head);
  } catch {
    return undefined; // it wanted more than the first bytes
  }
}

function isText(head: Uint8Array, cut: boolean): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: cut });
    // oxlint-disable-next-line no-control-regex -- what the WHATWG's standard of sniffing calls binary
    return !/[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/.test(text);
  } catch {
    return false;
  }
}

function startsWith(head: Uint8Array, text: string): boolean {
  return Buffer.from(head.subarray(0, text.length)).toString("latin1") === text;
}
