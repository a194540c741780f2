/** The formats that weights are exported in. */
export const exportFormats = ["safetensors", "onnx"] as const;

/** One of them. */
export type ExportFormat = typeof exportFormats[number];
