/** What there is room for, and how it may look. */
export interface Screen {
  /** Characters in a line. */
  readonly columns: number;
  /** Lines. */
  readonly rows: number;
  /** Whether colours are wanted, and shown. */
  readonly colour: boolean;
}

/** Lines for a screen, drawn again where its size changes. */
export type Drawing = (screen: Screen) => string;
