// Why a request with a shared access signature was refused, by the terms in its query
// (learn.microsoft.com/rest/api/storageservices/create-service-sas).
import type { Meaning } from "./meanings.ts";

/** The terms of a signature; texts as in its query. */
export interface SasTerms {
  /** `st`, `se`. Undefined: none, or a stored access policy has it. */
  starts: Date | undefined;
  ends: Date | undefined;
  /** `sp`, `sip`, `spr`, `ss`. */
  permissions: string | undefined;
  address: string | undefined;
  protocol: string | undefined;
  services: string | undefined;
  /** `sr` of a signature for a container or blob, `srt` of one for the account. */
  resource: string | undefined;
}

export interface RefusedRequest {
  code: string | undefined;
  /** The server's time, else ours. */
  now: Date;
  method: string;
  /** Whether it asked for a listing. */
  lists: boolean;
  /** Whether it was about one blob. */
  isOfBlob: boolean;
}

/** Undefined: the query holds no signature. */
export function sasTermsOf(query: URLSearchParams): SasTerms | undefined {
  if (!query.has("sig")) return undefined;
  const text = (name: string) => query.get(name) ?? undefined;
  return {
    starts: dateOf(query.get("st")),
    ends: dateOf(query.get("se")),
    permissions: text("sp"),
    address: text("sip"),
    protocol: text("spr"),
    services: text("ss"),
    resource: text("sr") ?? text("srt"),
  };
}

/** Which term refused a request. Undefined: no term explains it. */
export function sasRefusal(terms: SasTerms, request: RefusedRequest): Meaning | undefined {
  const { starts, ends, address, protocol, services, resource } = terms;
  const { code, now, isOfBlob } = request;
  const because = (why: string, hint: string): Meaning => ({
    code: "denied",
    why: `the shared access signature ${why}`,
    hint,
  });
  const renew = "make a new one, and give it to feedctl store set";
  if (ends !== undefined && ends <= now) return because(`expired at ${ends.toISOString()}`, renew);
  if (starts !== undefined && starts > now)
    return because(
      `is not valid before ${starts.toISOString()} (st); the server's time is ${now.toISOString()}`,
      "wait until then, or make one without a start: clocks differ by minutes",
    );
  if (code === "AuthorizationSourceIPMismatch")
    return because(`is only for the address ${address ?? "of its policy"} (sip)`, `use it from there, or ${renew}`);
  if (code === "AuthorizationProtocolMismatch")
    return because(`is only for ${protocol ?? "https"} (spr)`, "use an endpoint with https");
  if (code === "AuthorizationServiceMismatch")
    return because(`is not for blobs (ss=${services ?? ""})`, "make one that allows the service blob (ss=b)");
  const isNarrow = resource === "b" || resource === "bs" || resource === "bv";
  if (code === "AuthorizationResourceTypeMismatch" || (isNarrow && !isOfBlob))
    return because(
      `is only for ${resourceWords[resource ?? ""] ?? `other resources (${resource ?? ""})`}`,
      "make one for the container (sr=c), or for the account with containers and objects (srt=co)",
    );
  const needed = neededPermission(request);
  if (code === "AuthorizationPermissionMismatch" && terms.permissions !== undefined)
    return because(
      `does not allow to ${needed.word} (sp=${terms.permissions})`,
      `make one with ${needed.letters}; feedctl needs read, create, write, list and delete (sp=rcwdl)`,
    );
  return undefined;
}

const resourceWords: Record<string, string> = {
  b: "one blob (sr=b)",
  bs: "one snapshot (sr=bs)",
  bv: "one version of a blob (sr=bv)",
  s: "the service (srt=s)",
  c: "containers (c)",
  o: "objects (srt=o)",
};

function neededPermission({ method, lists }: RefusedRequest): { word: string; letters: string } {
  if (lists) return { word: "list", letters: "list (l)" };
  if (method === "GET" || method === "HEAD") return { word: "read", letters: "read (r)" };
  if (method === "DELETE") return { word: "delete", letters: "delete (d)" };
  return { word: "write", letters: "create and write (cw)" };
}

function dateOf(text: string | null): Date | undefined {
  const date = new Date(text ?? "");
  return Number.isNaN(date.getTime()) ? undefined : date;
}
