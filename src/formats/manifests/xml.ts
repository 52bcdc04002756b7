import { trimAscii } from "../../lib/blanks.ts";
import { SaxesParser } from "saxes";
import { limits } from "../../lib/limits.ts";
import { invalid } from "../read-package.ts";

export interface XmlElement {
  /** Local name. Namespaces are ignored: they differ only between versions of a manifest's schema. */
  name: string;
  /** By local name. */
  attributes: Map<string, string>;
  children: XmlElement[];
  /** The element's own text, trimmed. */
  text: string;
}

/**
 * Parses an XML manifest. Rejects malformed XML, and every DOCTYPE: no manifest needs entities of its own, but attacks
 * use them. `entities` are those that the ecosystem predefines, each a single character.
 */
export function parseXml(bytes: Buffer, entities: Readonly<Record<string, string>> = {}): XmlElement {
  const parser = new SaxesParser({ xmlns: false, position: false });
  Object.assign(parser.ENTITIES, entities);
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  parser.on("doctype", () => {
    throw invalid("its XML has a DOCTYPE");
  });
  parser.on("opentag", (tag) => {
    const element: XmlElement = { name: localName(tag.name), attributes: new Map(), children: [], text: "" };
    for (const [key, value] of Object.entries(tag.attributes)) element.attributes.set(localName(key), value);
    if (open.length >= limits.xmlDepth) throw invalid(`its XML is nested deeper than ${limits.xmlDepth} elements`);
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
  parser.write(decodeXml(bytes)).close();
  if (root === undefined) throw invalid("its XML has no element");
  return root;
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

/**
 * Decodes by the byte order mark, else by the prolog, else as UTF-8. A prolog that is readable as ASCII cannot be
 * UTF-16, even if it says so: .NET writes such files.
 */
function decodeXml(bytes: Buffer): string {
  const named = /^<\?xml[^>]{0,100}encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(
    bytes.toString("latin1", 0, 200),
  )?.[1];
  const mark = bytes.toString("hex", 0, 2);
  let encoding = "utf-8";
  if (mark === "fffe" || mark === "3c00") encoding = "utf-16le";
  else if (mark === "feff" || mark === "003c") encoding = "utf-16be";
  else if (named !== undefined && !/^utf-?16/i.test(named)) encoding = named;
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(`its XML is not ${encoding} text`, error);
  }
}
