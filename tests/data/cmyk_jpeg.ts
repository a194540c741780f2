/** A CMYK JPEG file of 16 x 16 pixels, and what Pillow makes of it with `convert("RGB")`. */

const bytesOf = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** The file. */
export const cmykJpeg = bytesOf(
  "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcG" +
    "BggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAAB" +
    "AgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNi" +
    "coIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SV" +
    "lpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4E" +
    "QwBNAFkASwAAPwD9HP8AgpJ/y/8A/Aq/Rz/h5J/1H/8AyLXJ/sSf8un/AAGv2o/4Xb/09/8Aj1fz/wD/AAUk/wCX" +
    "/wD4FR/w8k/6j/8A5Fr9gP2JP+XT/gNH/C7f+nv/AMer+gD/AIKSf8v/APwKv5//APh5J/1H/wDyLX4//sSf8un/" +
    "AAGvj/8A4Xb/ANPf/j1fz/8A/BST/l//AOBUf8PJP+o//wCRa/YD9iT/AJdP+A0f8Lt/6e//AB6v/9k=",
);

/** RGB bytes, `[16, 16, 3]`. */
export const cmykPixels = bytesOf(
  "//9L7/9X3/9jz/9uv/98r/+Hn/+Tj/+ff/+rb/+3X//DT//OP//cL//nH//zD///+elJ6elV2ulhyulru+l5q+mE" +
    "m+mQjOmbfOmnbOmzXem+TenJPunXLuniHuntD+n589VH5NVT1dVexdVpttV2p9WBmNWMiNWYedWjatWuW9W6S9XE" +
    "PNXSLdXcHtXoDtXz7cFG3sFRz8FcwMFmssFzo8F9lMGJhcGUdsGfZ8GqWMG1ScG/O8HMLMHXHcHiDsHt561E2a1P" +
    "yq1avK1kra1wn616kK2Fgq2Qc62bZa2mVq2xSK27Oa3HK63RHK3cDq3n4ZpC05pNxZpXt5phqZptmpp3jJqCfpqM" +
    "cJqXYpqhVJqsRpq2OJrCKZrMG5rWDZrh24lAzYlLwIlVsolepIlqlol0iYl+e4mJbYmTX4mdUomnRImxNom9KInG" +
    "G4nRDYnb1Xc/yHdJundTrXdcoHdokndxhXd7d3eFanePXXeZT3ejQnesNXe4J3fBGnfLDXfVz2c9wmdHtWdQqGdZ" +
    "m2dljmdugWd3dGeBZ2eLWmeVTWeeQGenM2ezJme8GWfFDGfPyVc7vFdFsFdOo1dXl1diildqfVd0cVd9ZFeHV1eQ" +
    "S1eaPleiMletJVe2GFfADFfJw0k5t0lDq0lMnklUkklfhklneklwbUl6YUmDVUmMSUmVPEmeMEmoJEmxGEm6C0nD" +
    "vTs4sTtApTtJmTtSjjtcgjtkdjttajt2Xjt/UjuIRjuROzuZLzujIzurFzu0Czu9ty02rC0+oC1HlS1PiS1Zfi1h" +
    "ci1pZy1yWy17UC2DRC2MOS2ULS2eIi2mFi2uCy23sSE0piE8myFFkCFMhSFWeSFebiFmYyFuWCF3TSF/QiGHNyGP" +
    "LCGZISGgFiGpCiGxqxUyoBU6lhVCixVKgBVTdRVbaxVjYBVrVRVzShV7QBWDNRWKKhWUIBWbFRWjChWrpQoxmwo4" +
    "kApAhgpHfApQcQpXZwpfXQpnUgpvSAp2PQp+MwqFKQqOHgqVFAqdCgql",
);
