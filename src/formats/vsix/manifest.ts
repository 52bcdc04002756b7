import { invalid } from "../read-package.ts";
import { onlyChild, parseXml, type XmlElement } from "../manifests/xml.ts";

export interface VsixManifest {
  id: string;
  version: string;
  publisher: string | undefined;
  targetPlatform: string | undefined;
  isForCode: boolean;
  isPreview: boolean;
  metadata: Record<string, unknown>;
}

/** The manifest of a VSIX container: of VS Code and of Visual Studio since 2012, or of Visual Studio 2010. */
export function parseVsixManifest(bytes: Buffer, warnings: string[]): VsixManifest {
  const root = parseXml(bytes, { warnings });
  if (root.name === "PackageManifest") return readPackageManifest(root);
  if (root.name === "Vsix") return readVsix(root);
  throw invalid(`its manifest is not a "PackageManifest" but a "${root.name}"`);
}

function readPackageManifest(root: XmlElement): VsixManifest {
  const metadata = mustHave(onlyChild(root, "Metadata"), "Metadata");
  const { attributes } = mustHave(onlyChild(metadata, "Identity"), "Identity");
  const properties = readProperties(metadata);
  const targets = childrenOf(root, "Installation").map(({ attributes: target }) => target);
  const assets = childrenOf(root, "Assets").map((asset) => asset.attributes.get("Type"));
  return {
    id: mustHave(attributes.get("Id"), "Id"),
    version: mustHave(attributes.get("Version"), "Version"),
    publisher: attributes.get("Publisher") || undefined,
    targetPlatform: attributes.get("TargetPlatform") || undefined,
    isForCode:
      targets.some((target) => target.get("Id") === "Microsoft.VisualStudio.Code") ||
      assets.includes("Microsoft.VisualStudio.Code.Manifest"),
    isPreview:
      properties.get("Microsoft.VisualStudio.Code.PreRelease")?.toLowerCase() === "true" ||
      textOf(metadata, "Preview")?.toLowerCase() === "true",
    metadata: {
      displayName: textOf(metadata, "DisplayName"),
      description: textOf(metadata, "Description"),
      publisher: attributes.get("Publisher"),
      language: attributes.get("Language"),
      tags: split(textOf(metadata, "Tags")),
      categories: split(textOf(metadata, "Categories")),
      moreInfo: textOf(metadata, "MoreInfo"),
      license: textOf(metadata, "License"),
      repository: properties.get("Microsoft.VisualStudio.Services.Links.Source"),
      engine: properties.get("Microsoft.VisualStudio.Code.Engine"),
      extensionDependencies: split(properties.get("Microsoft.VisualStudio.Code.ExtensionDependencies")),
      extensionPack: split(properties.get("Microsoft.VisualStudio.Code.ExtensionPack")),
      installationTargets: targets.map((target) => Object.fromEntries(target)),
      dependencies: childrenOf(root, "Dependencies").map((dependency) => Object.fromEntries(dependency.attributes)),
    },
  };
}

function readVsix(root: XmlElement): VsixManifest {
  const identifier = mustHave(onlyChild(root, "Identifier"), "Identifier");
  return {
    id: mustHave(identifier.attributes.get("Id"), "Id"),
    version: mustHave(textOf(identifier, "Version"), "Version"),
    publisher: textOf(identifier, "Author"),
    targetPlatform: undefined,
    isForCode: false,
    isPreview: false,
    metadata: {
      displayName: textOf(identifier, "Name"),
      description: textOf(identifier, "Description"),
      publisher: textOf(identifier, "Author"),
      language: textOf(identifier, "Locale"),
      moreInfo: textOf(identifier, "MoreInfoUrl"),
      license: textOf(identifier, "License"),
    },
  };
}

function mustHave<T>(value: T | undefined, name: string): T {
  if (value === undefined || value === "") throw invalid(`its manifest has no "${name}"`);
  return value;
}

function textOf(element: XmlElement, name: string): string | undefined {
  return onlyChild(element, name)?.text || undefined;
}

function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return onlyChild(element, name)?.children ?? [];
}

function readProperties(metadata: XmlElement): Map<string, string> {
  const pairs = childrenOf(metadata, "Properties").map(({ attributes }) => [
    attributes.get("Id"),
    attributes.get("Value"),
  ]);
  return new Map(pairs.filter(([id, value]) => id !== undefined && value !== undefined) as [string, string][]);
}

function split(text: string | undefined): string[] | undefined {
  const items = text?.split(/[,;]/).map((item) => item.trim());
  return items?.filter((item) => item !== "");
}
