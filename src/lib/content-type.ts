import { Mime } from "mime/lite";
import otherTypes from "mime/types/other.js";
import standardTypes from "mime/types/standard.js";

/** Types by extension that the registry lacks, or for which it has another type than package feeds need. */
const own: Record<string, string[]> = {
  "application/zip": ["nupkg", "snupkg", "whl", "upack", "vpack", "vsix", "conda"],
  "application/java-archive": ["jar", "war", "ear", "aar"],
  "application/xml": ["pom", "nuspec"],
  "application/x-tar": ["gem"],
  "application/vnd.debian.binary-package": ["deb", "udeb"],
  "application/x-rpm": ["rpm"],
  "application/gzip": ["tgz", "crate"],
  "application/x-bzip2": ["bz2", "tbz2"],
  "application/x-xz": ["xz", "txz"],
  "application/zstd": ["zst", "tzst"],
  "application/vnd.apache.parquet": ["parquet"],
  "application/octet-stream": ["exe", "msi", "dll", "iso", "dmg", "bin"],
  "text/plain": ["ts", "tsx", "mts", "cts", "ps1", "psm1", "psd1", "tf", "tfvars", "asc", "ini", "log"],
};

const known = new Mime(standardTypes, otherTypes).define(own, true);

/** The content type by the extension of a name. Undefined: it has no known extension. */
export function knownType(name: string): string | undefined {
  const last = name.slice(name.lastIndexOf("/") + 1);
  // Without a dot the library would use the whole name as the extension.
  return (last.includes(".") ? known.getType(last) : null) ?? undefined;
}

/** The content type by the extension of a name; `application/octet-stream` if it is unknown. */
export function contentTypeOf(name: string): string {
  return knownType(name) ?? "application/octet-stream";
}
