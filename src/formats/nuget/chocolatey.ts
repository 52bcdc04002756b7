import { nuget as versions } from "../../versions/nuget.ts";
import { bracketRange } from "../../versions/ranges/bracket-range.ts";
import type { Format } from "../format.ts";
import { isChocolateyScript, isForPowerShell, isSymbols, nugetFiles, readNupkg, type Nupkg } from "./format.ts";
import { readPackage } from "../read-package.ts";

/**
 * Chocolatey packages: NuGet's container, identity and keys. Scripts are not required, because a metapackage has only
 * dependencies.
 */
export const chocolatey: Format = {
  type: "chocolatey",
  extensions: [".nupkg", ".snupkg"],
  container: "nupkg",
  versions,
  ranges: bracketRange(versions),
  isCompanion: isSymbols,
  repositoryFiles: nugetFiles,
  read: (file, options) =>
    readPackage("Chocolatey package", file, options, async () => {
      const nupkg = await readNupkg(file, options);
      const hint = strangeness(nupkg);
      if (hint !== undefined) nupkg.identity.warnings.push(`${hint}; this is a Chocolatey feed`);
      return nupkg.identity;
    }),
};

function strangeness({ nuspec, entries, hasLibraries }: Nupkg): string | undefined {
  if (isForPowerShell(nuspec)) return "its tags say that it is for PowerShell";
  const hasScripts = entries.some((entry) => isChocolateyScript(entry));
  return hasLibraries && !hasScripts ? "it holds libraries for .NET and no script of Chocolatey's" : undefined;
}
