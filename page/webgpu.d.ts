/** WebGPU's constants, which TypeScript's DOM does not have beside its types. */
interface GPUFlags {
  readonly [name: string]: number;
}
declare const GPUBufferUsage: GPUFlags;
declare const GPUShaderStage: GPUFlags;
declare const GPUMapMode: GPUFlags;
