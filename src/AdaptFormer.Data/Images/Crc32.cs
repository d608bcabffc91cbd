namespace AdaptFormer.Data.Images;

/// <summary>The CRC of PNG chunks: polynomial 0xEDB88320 (reflected), start and end inverted. Four bytes a step, by four tables.</summary>
internal static class Crc32
{
    private static readonly uint[] Tables = MakeTables();

    /// <summary>Extends the checksum <paramref name="crc"/> (0 at the start) by <paramref name="data"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        uint[] t = Tables;
        crc = ~crc;
        int i = 0;
        for (; i <= data.Length - 4; i += 4)
        {
            crc ^= data[i] | ((uint)data[i + 1] << 8) | ((uint)data[i + 2] << 16) | ((uint)data[i + 3] << 24);
            crc = t[768 + (crc & 255)] ^ t[512 + ((crc >> 8) & 255)] ^ t[256 + ((crc >> 16) & 255)] ^ t[crc >> 24];
        }

        for (; i < data.Length; i++) crc = (crc >> 8) ^ t[(crc ^ data[i]) & 255];
        return ~crc;
    }

    private static uint[] MakeTables()
    {
        uint[] tables = new uint[4 * 256];
        for (uint i = 0; i < 256; i++)
        {
            uint c = i;
            for (int bit = 0; bit < 8; bit++) c = (c & 1) != 0 ? (c >> 1) ^ 0xEDB88320 : c >> 1;
            tables[i] = c;
        }

        for (int i = 256; i < tables.Length; i++) tables[i] = (tables[i - 256] >> 8) ^ tables[tables[i - 256] & 255];
        return tables;
    }
}
