import { trimUnicode } from "../../lib/text/blanks.ts";
import { pep440 } from "../../versions/pep440.ts";
import { decodeText } from "../manifests/decode-text.ts";
import { parseMessage, type Paragraph } from "../manifests/headers.ts";
import { isProjectName } from "./name.ts";
import { invalid } from "../read-package.ts";

/** The fields of METADATA in a wheel, or of PKG-INFO in a source package. */
export interface CoreMetadata {
  name: string;
  version: string;
  /** The fields that are stored, under their names in Python's JSON form. */
  members: Record<string, unknown>;
}

/** A key has the name and the file name, and must stay below 1,024 bytes. */
const MAX_NAME = 200;
const MAX_VERSION = 128;

/** Fields that identify the package must not be repeated. Of other fields Python reads the first, or all. */
const identity = ["metadata-version", "name", "version"];
const repeatable = { has: (field: string) => !identity.includes(field) };

const single = [
  "Metadata-Version",
  "Summary",
  "Keywords",
  "Home-page",
  "Download-URL",
  "Author",
  "Author-email",
  "Maintainer",
  "Maintainer-email",
  "License",
  "License-Expression",
  "Requires-Python",
  "Description-Content-Type",
];
const lists = [
  "Classifier",
  "Platform",
  "Project-URL",
  "Requires-Dist",
  "Requires",
  "Provides-Extra",
  "Provides-Dist",
  "Obsoletes-Dist",
  "License-File",
];

export function parseCoreMetadata(bytes: Buffer, manifest: string, warnings: string[]): CoreMetadata {
  const { headers, body } = parseMessage(decodeText(bytes, manifest, warnings), manifest, { repeatable });
  const name = headers.get("Name") ?? "";
  if (name === "") throw invalid(`its ${manifest} has no Name`);
  if (name.length > MAX_NAME || !isProjectName(name)) throw invalid(`"${name}" is not a name of a Python project`);
  const version = trimUnicode(headers.get("Version") ?? "");
  if (version === "") throw invalid(`its ${manifest} has no Version`);
  if (version.length > MAX_VERSION || pep440.normalize(version) === undefined)
    throw invalid(`"${version}" is not a Python version`);
  return { name, version, members: membersOf(headers, body) };
}

function membersOf(headers: Paragraph, body: string): Record<string, unknown> {
  const description = headers.get("Description") ?? (body.trim() === "" ? undefined : body);
  const members = [
    ...single.map((field) => [field, known(headers.get(field))] as const),
    ["Description", known(description)] as const,
    ...lists.map((field) => [field, headers.all(field).filter((value) => known(value) !== undefined)] as const),
  ];
  return Object.fromEntries(
    members
      .filter(([, value]) => value !== undefined && value.length > 0)
      .map(([field, value]) => [field.toLowerCase().replaceAll("-", "_"), value]),
  );
}

/** Old tools wrote UNKNOWN for a missing value. */
function known(value: string | undefined): string | undefined {
  return value === "UNKNOWN" || value === "" ? undefined : value;
}
