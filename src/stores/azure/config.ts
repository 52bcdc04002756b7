/** How an Azure store is opened, secrets in the clear. Each member has an option in the descriptor. */
export interface AzureConfig {
  type: "azure";
  container: string;
  /** As typed; `parseTargetPath` makes the prefix of it. */
  targetPath?: string | undefined;
  connectionString?: string | undefined;
  accountUrl?: string | undefined;
}
