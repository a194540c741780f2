/** Files, and the folder that each lay in; "" for none. */
export interface FoundFile {
  readonly file: File;
  readonly folder: string;
}

const PICTURE = /\.(jpe?g|png|webp|avif|gif|bmp)$/i;

const isPicture = (file: File) => file.type.startsWith("image/") || PICTURE.test(file.name);

/** The pictures that were dropped, those in folders and in folders of folders too. */
export async function droppedPictures({ items, files }: DataTransfer): Promise<FoundFile[]> {
  // Only before the first wait are items to be had.
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) {
    return [...files].filter(isPicture).map((file) => ({ file, folder: "" }));
  }
  const found: FoundFile[] = [];
  const walk = async (entry: FileSystemEntry, folder: string): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) =>
        (entry as FileSystemFileEntry).file(resolve, reject)
      );
      if (isPicture(file)) found.push({ file, folder });
      return;
    }
    for (const child of await children(entry as FileSystemDirectoryEntry)) {
      await walk(child, entry.name);
    }
  };
  for (const entry of entries) await walk(entry, "");
  return found;
}

/** The pictures of a folder that was chosen. */
export function chosenPictures(files: FileList): FoundFile[] {
  return [...files].filter(isPicture).map((file) => ({
    file,
    folder: file.webkitRelativePath.split("/").at(-2) ?? "",
  }));
}

async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives some at a time, and none at its end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject)
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}
