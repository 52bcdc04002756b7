/**
 * A file of feedctl's own, by its path in `src`. A build has each TypeScript module that is loaded by path as JavaScript
 * under the same path in `dist`, and all other code directly in `dist`, in files of any name.
 */
export function ownFile(path: string): URL {
  const isSource = import.meta.url.endsWith(".ts");
  return isSource ? new URL(`../${path}`, import.meta.url) : new URL(path.replace(/\.ts$/, ".js"), import.meta.url);
}
