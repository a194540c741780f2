/** Folders that systems make by themselves, and what lies in them. */
const SYSTEM_FOLDERS =
  /^(__MACOSX|@eaDir|\$RECYCLE\.BIN|#recycle|System Volume Information|lost\+found)$/i;
const SYSTEM_FILES = /^(Thumbs\.db|ehthumbs(_vista)?\.db|desktop\.ini|Icon\r)$/i;

/** Endings of files that hold no image, or not a whole one; files of any other may hold a JPEG or PNG image. */
const NO_IMAGES = new Set([
  ...[".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml"],
  ...[".html", ".htm", ".css", ".log", ".ini", ".cfg", ".conf", ".url", ".lnk", ".pdf", ".doc"],
  ...[".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods", ".py", ".ipynb", ".sh", ".bat"],
  ...[
    ".js",
    ".ts",
    ".m",
    ".mat",
    ".npy",
    ".npz",
    ".pkl",
    ".pt",
    ".pth",
    ".h5",
    ".hdf5",
    ".parquet",
  ],
  ...[
    ".safetensors",
    ".db",
    ".sqlite",
    ".zip",
    ".tar",
    ".gz",
    ".tgz",
    ".bz2",
    ".xz",
    ".7z",
    ".rar",
  ],
  ...[".mp3", ".wav", ".flac", ".mp4", ".avi", ".mov", ".mkv", ".webm", ".exe", ".dll", ".md5"],
  ...[".sha1", ".sha256", ".bak", ".old", ".orig", ".tmp", ".temp", ".swp", ".part", ".partial"],
  ...[".crdownload", ".download", ".xmp", ".thm", ".aae"],
]);

/** Whether a file or folder of this name was made by a system, not by who made the data set; all hidden ones count. */
export function isLitter(name: string): boolean {
  return name.startsWith(".") || SYSTEM_FOLDERS.test(name) || SYSTEM_FILES.test(name);
}

/** Whether a file of this name is taken for an image. */
export function isImageName(name: string): boolean {
  return /\.(p?jpe?g|png|jfif|jpe|jif|jfi|pjp)$/i.test(name) && !isLitter(name);
}

/** Whether a file of this name, which is not that of an image, may hold one all the same. */
export function mayHoldImage(name: string): boolean {
  return !isLitter(name) && !name.endsWith("~") && !NO_IMAGES.has(endingOf(name));
}

/** Ending of a file's name in small letters, with its dot; empty without one. Numbers are none: `frame.0001`. */
export function endingOf(name: string): string {
  return /[^.](\.[a-z][a-z0-9_]{0,11})$/i.exec(name)?.[1].toLowerCase() ?? "";
}
