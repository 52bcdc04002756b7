import { randomUUID } from "node:crypto";
import { after } from "node:test";
import { openAzureStore } from "../../src/stores/azure.ts";
import { startAzurite } from "../support/azurite.ts";
import { storeContract } from "./contract.ts";

const azurite = await startAzurite();
after(() => azurite.stop());

const altered = "Azure itself alters backslashes and trailing dots; the adapter refuses such keys (tested below)";

storeContract("azure", {
  async open() {
    const container = `test-${randomUUID()}`;
    const client = await azurite.createContainer(container);
    const store = await openAzureStore({ type: "azure", container, connectionString: azurite.connectionString, targetPath: "/a b//" });
    return { store, cleanup: async () => void (await client.deleteIfExists()) };
  },
  lacks: {
    "a key with a backslash": altered,
    "a key with a trailing dot": altered,
    "a key of three dots": altered,
    ...(azurite.own && { "keys come in UTF-8 byte order": "Azurite lists in the order of UTF-16 units" }),
  },
});
