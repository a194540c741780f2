/** The visitor's camera, shown in a video element. */
export class Camera {
  readonly #video: HTMLVideoElement;
  #stream: MediaStream | null = null;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  get isOn(): boolean {
    return this.#stream !== null;
  }

  /** @throws {Error} where there is no camera, or it may not be used. */
  async start(): Promise<void> {
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 } },
      });
    } catch (error) {
      const { name, message } = error as Error;
      throw new Error(
        name === "NotAllowedError"
          ? "Cannot use the camera: it was not allowed; allow it for this page, or drop pictures"
          : `Cannot use the camera: ${message}; drop pictures instead`,
      );
    }
    this.#video.srcObject = this.#stream;
    this.#video.hidden = false;
    await this.#video.play();
  }

  stop(): void {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
    this.#video.hidden = true;
  }

  /** What it sees now. */
  async frame(): Promise<ImageBitmap> {
    return await createImageBitmap(this.#video);
  }
}
