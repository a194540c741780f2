import { type AwsPackage, loadAws } from "./packages.ts";
import { Fenced, type ObjectStore, type StoredObject } from "./object_store.ts";

/** Who may read and write the object. */
export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
}

/** Milliseconds for an answer. */
const PATIENCE = 120_000;

/**
 * An object of S3-compatible storage, by its URL: `https://HOST/BUCKET/KEY`. Writes are conditional (`If-Match`,
 * `If-None-Match`), which the storage has to know: AWS S3, MinIO, Cloudflare R2 and Ceph do.
 */
export class S3Object implements ObjectStore {
  readonly name: string;
  readonly #url: string;
  readonly #keys: S3Keys;
  #client: InstanceType<AwsPackage["AwsClient"]> | null = null;

  /** Asks nothing yet. */
  constructor(url: string, keys: S3Keys) {
    this.name = this.#url = url;
    this.#keys = keys;
  }

  async get(): Promise<StoredObject | null> {
    const response = await this.#fetch("GET");
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    await this.#refuse(response, "read");
    return { bytes: await response.bytes(), tag: this.#tagOf(response) };
  }

  async tag(): Promise<string | null> {
    const response = await this.#fetch("HEAD");
    if (response.status === 404) return null;
    await this.#refuse(response, "read");
    return this.#tagOf(response);
  }

  async put(bytes: Uint8Array<ArrayBuffer>, known: string | null): Promise<string> {
    const condition: Record<string, string> = known === null
      ? { "if-none-match": "*" }
      : { "if-match": known };
    const response = await this.#fetch("PUT", {
      body: bytes,
      headers: { ...condition, "content-type": "application/octet-stream" },
    });
    // 412: the condition failed; 409: another write went on; 404: the object that was known is gone.
    if ([409, 412].includes(response.status) || (response.status === 404 && known !== null)) {
      await response.body?.cancel();
      throw new Fenced(`another object is at ${this.name}`);
    }
    await this.#refuse(response, "write");
    await response.body?.cancel();
    return this.#tagOf(response);
  }

  async #fetch(method: string, init: RequestInit = {}): Promise<Response> {
    if (!this.#client) {
      const { AwsClient } = await loadAws();
      this.#client = new AwsClient({ ...this.#keys, service: "s3", retries: 3 });
    }
    try {
      return await this.#client.fetch(this.#url, {
        ...{ ...init, method, signal: AbortSignal.timeout(PATIENCE) },
      });
    } catch (error) {
      throw new Error(
        `Cannot reach ${this.name}: ${(error as Error).message.split("\n")[0]}; see to the network`,
      );
    }
  }

  async #refuse(response: Response, action: string): Promise<void> {
    if (response.ok) return;
    const text = (await response.text()).slice(0, 1000);
    const code = /<Code>([\w.]+)<\/Code>/.exec(text)?.[1];
    throw new Error(
      `Cannot ${action} ${this.name}: the storage answers ${response.status}${
        code ? ` (${code})` : ""
      }; see to the URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION`,
    );
  }

  #tagOf(response: Response): string {
    const tag = response.headers.get("etag");
    if (tag !== null) return tag;
    throw new Error(`Cannot use ${this.name}: the storage gives no ETag; use another`);
  }
}
