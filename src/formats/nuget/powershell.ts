import { nuget as versions } from "../../versions/nuget.ts";
import { bracketRange } from "../../versions/ranges/bracket-range.ts";
import type { Format } from "../format.ts";
import { isForPowerShell, isSymbols, nugetFiles, readNupkg, type Nupkg } from "./format.ts";
import { readPackage } from "../read-package.ts";

/**
 * PowerShell modules and scripts: NuGet's container, identity and keys. As in PowerShell's gallery, the nuspec decides.
 * A module manifest that differs adds a warning, because the module loads under another name or version than it is
 * listed.
 */
export const powershell: Format = {
  type: "powershell",
  extensions: [".nupkg", ".snupkg"],
  container: "nupkg",
  versions,
  ranges: bracketRange(versions),
  isCompanion: isSymbols,
  repositoryFiles: nugetFiles,
  read: (file, options) =>
    readPackage("PowerShell package", file, options, async () => {
      const nupkg = await readNupkg(file, options);
      const { identity, nuspec, entries } = nupkg;
      const hasModule = entries.some(({ name }) => /^[^/\\]+\.(?:psd1|psm1|ps1)$/i.test(name));
      if (!hasModule && !isForPowerShell(nuspec))
        identity.warnings.push("it holds no module or script and has no tag that says so; this is a PowerShell feed");
      await checkModuleManifest(nupkg);
      return identity;
    }),
};

async function checkModuleManifest({ identity, nuspec, entries }: Nupkg): Promise<void> {
  const wanted = `${nuspec.id}.psd1`.toLowerCase();
  const manifest = entries.find(({ name }) => name.toLowerCase() === wanted);
  if (manifest === undefined) return;
  const text = decode(await manifest.read("manifest"));
  const version = valueOf(text, "ModuleVersion");
  if (version === undefined) return;
  const label = valueOf(text, "Prerelease")?.replace(/^-/, "");
  const full = label === undefined || label === "" ? version : `${version}-${label}`;
  if (versions.normalize(full) === identity.normalizedVersion) return;
  identity.warnings.push(`its module manifest "${manifest.name}" says version ${full}, its nuspec ${nuspec.version}`);
}

/** The first assignment of a quoted text. A full parse would need PowerShell; for a warning this is enough. */
function valueOf(text: string, name: string): string | undefined {
  return new RegExp(`(?:^|[{;])[ \\t]*['"]?${name}['"]?[ \\t]*=[ \\t]*['"]([^'"\\r\\n]*)['"]`, "im").exec(text)?.[1];
}

/** Windows PowerShell writes such files in UTF-16. */
function decode(bytes: Buffer): string {
  const isUtf16 = bytes.length >= 2 && bytes.readUInt16LE(0) === 0xfeff;
  return new TextDecoder(isUtf16 ? "utf-16le" : "utf-8").decode(bytes);
}
