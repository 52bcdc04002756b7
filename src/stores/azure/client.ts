import { isIP } from "node:net";
import {
  BlobClient,
  BlobSASPermissions,
  BlobServiceClient,
  newPipeline,
  SASProtocol,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import type { BlockBlobClient, ContainerClient, StoragePipelineOptions } from "@azure/storage-blob";
import type { TokenCredential } from "@azure/identity";
import { FeedctlError } from "../../errors.ts";
import { registerSecrets, registerUrl } from "../../lib/text/redact.ts";
import type { AzureConfig } from "./config.ts";
import { parseTargetPath } from "../key.ts";
import { checkContainerName } from "./location.ts";
import { sasTermsOf, type SasTerms } from "./sas.ts";
import type { StoreTraits } from "../traits.ts";

export type { BlockBlobClient, ContainerClient } from "@azure/storage-blob";

/**
 * Network failures and 500/503 are tried three times. The SDK's `tryTimeoutInMs` stays unset: it is only a request to
 * the server, and would abort healthy uploads over slow connections. `call.ts` detects silence.
 */
const options: StoragePipelineOptions = {
  retryOptions: { maxTries: 3, retryDelayInMs: 500, maxRetryDelayInMs: 5_000 },
  keepAliveOptions: { enable: true },
  userAgentOptions: { userAgentPrefix: "feedctl" },
};

/**
 * Exposes the SDK's generated calls, with its credentials and retries. Unlike its public methods, `download` returns
 * any response unparsed, and `stageBlockFromURL` accepts conditions on the source.
 */
class BareClient extends BlobClient {
  get calls() {
    return this.storageClientContext;
  }
}

export type BareCalls = BareClient["calls"];

export interface AzureConnection {
  client: ContainerClient;
  /** The account of the container. */
  service: BlobServiceClient;
  /** The generated calls for a URL: of a blob, or of the container with a query. */
  bare(url: string): BareCalls;
  /** A signed URL that reads the blob and is valid for `seconds`. Undefined: these credentials cannot sign one. */
  readUrl(blob: BlockBlobClient, seconds?: number): Promise<string | undefined>;
  host: string;
  /** The account as its endpoint names it: the host, and the path if several accounts share the host. */
  account: string;
  /** The terms of the shared access signature. Undefined: none is used. */
  sas: SasTerms | undefined;
  container: string;
  /** The prefix of every blob name of this store: `""` or `a/b/`. */
  prefix: string;
  /** The store's name for messages. No secrets. */
  name: string;
  /** What is known of the service, and what is found meanwhile. */
  found: StoreTraits;
}

/** The service of an account in any of Microsoft's clouds. */
const AZURE_HOST = /^[a-z0-9]+(?:-secondary)?(?:\.privatelink)?(?:\.z\d+)?\.(?:blob|dfs)\./;

/** Checks the configuration and creates the client. Sends nothing. Rejects with `usage`. */
export async function connectAzure(config: AzureConfig, known: StoreTraits = {}): Promise<AzureConnection> {
  const { container } = config;
  checkContainerName(container);
  const prefix = parseTargetPath(config.targetPath ?? "");
  if (isAltered(prefix)) {
    throw new FeedctlError("usage", `Azure would alter the target path ${JSON.stringify(prefix)}`, {
      hint: "no backslashes, and no folder that ends in a dot",
    });
  }
  const service = await connectService(config);
  const client = service.getContainerClient(container);
  const { origin, pathname, host, searchParams } = new URL(client.url);
  const pipeline = newPipeline(service.credential, { ...options });
  return {
    client,
    service,
    bare: (url) => new BareClient(url, pipeline).calls,
    readUrl: (blob, seconds) => signForReading(blob, seconds),
    host,
    account: host + new URL(service.url).pathname.replace(/\/$/, ""),
    sas: sasTermsOf(searchParams),
    container,
    prefix,
    name: `azure ${origin}${pathname}${prefix && `/${prefix.slice(0, -1)}`}`,
    // Azurite, at an address of its own, sorts names by their UTF-16 units.
    found: { ...(AZURE_HOST.test(host) && { sortedList: true }), ...known },
  };
}

const HOUR = 3600;

/** With an account key, a URL that can only read this blob; with a shared access signature, a URL that contains it. */
async function signForReading(blob: BlockBlobClient, seconds?: number): Promise<string | undefined> {
  const { protocol, searchParams } = new URL(blob.url);
  // The signature may allow more than reading this blob. Use it for copies, never for a URL that a user asked for.
  if (searchParams.has("sig")) return seconds === undefined ? blob.url : undefined;
  if (!(blob.credential instanceof StorageSharedKeyCredential)) return undefined;
  const url = await blob.generateSasUrl({
    permissions: BlobSASPermissions.parse("r"),
    expiresOn: new Date(Date.now() + (seconds ?? HOUR) * 1000),
    ...(protocol === "https:" && { protocol: SASProtocol.Https }),
  });
  registerUrl(url);
  return url;
}

/**
 * Whether Azure would change a name: it stores `a\b` as `a/b` and drops dots at the end of a path segment, so that two
 * keys would share one blob. Escaping such names would break the order of listings, so this adapter refuses them.
 */
export function isAltered(name: string): boolean {
  return /\\|\.(?:\/|$)/.test(name);
}

async function connectService({ connectionString, accountUrl, container }: AzureConfig): Promise<BlobServiceClient> {
  if ((connectionString ?? "") !== "" && (accountUrl ?? "") !== "") {
    throw new FeedctlError("usage", "an Azure store has either a connection string or an account URL, not both");
  }
  if (connectionString !== undefined && connectionString !== "")
    return fromConnectionString(connectionString.trim(), container);
  if (accountUrl === undefined || accountUrl === "") {
    throw new FeedctlError("usage", "the Azure store has no credentials", {
      hint: "give --connection-string, or --account-url to use the Azure credential chain",
    });
  }
  const url = parseAccountUrl(accountUrl.trim(), container);
  const { DefaultAzureCredential } = await import("@azure/identity");
  const chain = new DefaultAzureCredential();
  const credential: TokenCredential = {
    async getToken(...args) {
      const token = await chain.getToken(...args);
      registerSecrets(token?.token);
      return token;
    },
  };
  return new BlobServiceClient(url, credential, options);
}

function fromConnectionString(connectionString: string, container: string): BlobServiceClient {
  registerSecrets(connectionString);
  try {
    // A copy, because the SDK modifies the options.
    return BlobServiceClient.fromConnectionString(ofAccount(connectionString, container), { ...options });
  } catch {
    // The SDK's error and its cause may quote the string, which holds the account key.
    throw new FeedctlError("usage", "the Azure connection string is malformed", {
      hint: "it looks like DefaultEndpointsProtocol=https;AccountName=NAME;AccountKey=KEY;EndpointSuffix=core.windows.net",
    });
  }
}

/** Leaves the container out of the blob endpoint of a connection string: the SDK would add another. */
function ofAccount(connectionString: string, container: string): string {
  return connectionString.replace(/(?<=(?:^|;)\s*BlobEndpoint=)[^;]*/i, (given) => {
    const url = URL.parse(given.trim());
    return (url && accountEndpoint(url, container)) ?? given;
  });
}

function parseAccountUrl(text: string, container: string): string {
  const hint = "it looks like https://ACCOUNT.blob.core.windows.net";
  const url = URL.parse(text);
  if (url === null) throw new FeedctlError("usage", "the Azure account URL is not a URL", { hint });
  if (url.search !== "" || url.username !== "" || url.password !== "" || url.hash !== "") {
    throw new FeedctlError("usage", "the Azure account URL must not hold a signature or credentials", {
      hint: "put a shared access signature into a connection string: BlobEndpoint=URL;SharedAccessSignature=SAS",
    });
  }
  if (url.protocol !== "https:")
    throw new FeedctlError("usage", "the Azure account URL must start with https://", { hint });
  const endpoint = accountEndpoint(url, container);
  if (endpoint === undefined)
    throw new FeedctlError("usage", `the Azure account URL must not have the path ${url.pathname}`, { hint });
  return endpoint;
}

/**
 * The account's endpoint in a URL that may end in the container, as ProGet's ContainerUri and the portal's "Blob SAS URL" do.
 * Undefined: the URL has another path.
 */
function accountEndpoint({ origin, hostname, pathname }: URL, container: string): string | undefined {
  const path = pathname.replace(/\/+$/, "");
  // An IP address cannot name the account, as the SDK knows too: Azurite has it in the path.
  const isAddress = hostname === "localhost" || isIP(hostname.replace(/^\[|\]$/g, "")) !== 0;
  const account = isAddress ? (/^\/[^/]+/.exec(path)?.[0] ?? "") : "";
  return path === account || path === `${account}/${container}` ? origin + account : undefined;
}
