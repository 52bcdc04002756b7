import { trimAscii } from "../../lib/text/blanks.ts";
import { SaxesParser } from "saxes";
import { limits } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";

export interface XmlElement {
  /** Local name. Namespaces are ignored: they differ only between versions of a manifest's schema. */
  name: string;
  /** By local name. */
  attributes: Map<string, string>;
  children: XmlElement[];
  /** The element's own text, trimmed. */
  text: string;
}

export interface XmlRules {
  /** Entities that the ecosystem predefines, each a single character. */
  entities?: Readonly<Record<string, string>>;
  /**
   * Bytes that are not of the encoding, and control characters, are replaced as the ecosystem's own tools do, and a
   * warning is added here. Absent: they are rejected.
   */
  warnings?: string[];
  /** Whether a DOCTYPE is ignored. Its entities are unknown in any case: no manifest needs any, but attacks use them. */
  ignoreDoctype?: boolean;
}

/** Parses an XML manifest. Rejects malformed XML, and every DOCTYPE unless the rules say otherwise. */
export function parseXml(bytes: Buffer, rules: XmlRules = {}): XmlElement {
  const parser = new SaxesParser({ xmlns: false, position: false });
  Object.assign(parser.ENTITIES, rules.entities);
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  parser.on("doctype", () => {
    if (rules.ignoreDoctype !== true) throw invalid("its XML has a DOCTYPE");
  });
  parser.on("opentag", (tag) => {
    if (++elements > limits.xmlElements) throw beyondLimit("xmlElements", "its XML has", { noun: "elements" });
    if (open.length >= limits.xmlDepth) throw beyondLimit("xmlDepth", "its XML is nested", { noun: "levels deep" });
    const attributes = new Map(Object.entries(tag.attributes).map(([key, value]) => [localName(key), value]));
    const element: XmlElement = { name: localName(tag.name), attributes, children: [], text: "" };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const addText = (text: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    const element = open.pop()!;
    element.text = trimAscii(element.text);
  });
  parser.on("error", (error) => {
    throw invalid(`its XML is malformed (${error.message})`);
  });
  parser.write(decodeXml(bytes, rules.warnings)).close();
  if (root === undefined) throw invalid("its XML has no element");
  return root;
}

/** The first child of that name, or undefined. */
export function firstChild(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}

/** The only child of that name, or undefined. Rejects two: tools would not agree which to read. */
export function onlyChild(element: XmlElement, name: string): XmlElement | undefined {
  const found = element.children.filter((child) => child.name === name);
  if (found.length > 1) throw invalid(`its manifest has ${found.length} elements "${name}"`);
  return found[0];
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

/** Characters that XML does not allow. */
// oxlint-disable-next-line no-control-regex -- these are meant
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/**
 * Decodes by the byte order mark, else by the prolog, else as UTF-8. A prolog that is readable as ASCII cannot be
 * UTF-16, even if it says so: .NET writes such files.
 */
function decodeXml(bytes: Buffer, warnings: string[] | undefined): string {
  const named = /^<\?xml[^>]{0,100}encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(
    bytes.toString("latin1", 0, 200),
  )?.[1];
  const mark = bytes.toString("hex", 0, 2);
  let encoding = "utf-8";
  if (mark === "fffe" || mark === "3c00") encoding = "utf-16le";
  else if (mark === "feff" || mark === "003c") encoding = "utf-16be";
  else if (named !== undefined && !/^utf-?16/i.test(named)) encoding = named;
  try {
    const strict = warnings === undefined;
    const text = new TextDecoder(encoding, { fatal: strict }).decode(bytes);
    if (strict) return text;
    const clean = text.replaceAll(CONTROL, "\ufffd");
    if (clean.includes("\ufffd")) warnings.push(`its manifest is not clean ${encoding} text`);
    return clean;
  } catch (error) {
    throw invalid(`its XML is not ${encoding} text`, error);
  }
}
