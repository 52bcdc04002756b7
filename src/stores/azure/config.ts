/** The configuration of an Azure store. Secrets are in plain text. Each member has an option in the descriptor. */
export interface AzureConfig {
  type: "azure";
  container: string;
  /** As the user wrote it; `parseTargetPath` converts it to a key prefix. */
  targetPath?: string | undefined;
  connectionString?: string | undefined;
  accountUrl?: string | undefined;
}
