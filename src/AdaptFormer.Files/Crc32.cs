using System.Buffers.Binary;

namespace AdaptFormer.Files;

/// <summary>The checksum of zip files (reflected polynomial 0xEDB88320), eight bytes a step.</summary>
public static class Crc32
{
    private static readonly uint[][] Tables = CreateTables();

    /// <summary>The checksum of <paramref name="data"/>, or of earlier data followed by it.</summary>
    /// <param name="data">Any bytes.</param>
    /// <param name="crc">The checksum of the earlier data; 0 for none.</param>
    public static uint Compute(ReadOnlySpan<byte> data, uint crc = 0)
    {
        crc = ~crc;
        for (; data.Length >= 8; data = data[8..])
        {
            uint low = crc ^ BinaryPrimitives.ReadUInt32LittleEndian(data);
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            crc = Tables[7][low & 255] ^ Tables[6][(low >> 8) & 255] ^ Tables[5][(low >> 16) & 255] ^ Tables[4][low >> 24]
                ^ Tables[3][high & 255] ^ Tables[2][(high >> 8) & 255] ^ Tables[1][(high >> 16) & 255] ^ Tables[0][high >> 24];
        }

        foreach (byte b in data) crc = (crc >> 8) ^ Tables[0][(crc ^ b) & 255];
        return ~crc;
    }

    /// <summary>Table k maps a byte to its effect on the checksum when k more bytes follow it.</summary>
    private static uint[][] CreateTables()
    {
        uint[][] tables = [.. Enumerable.Range(0, 8).Select(_ => new uint[256])];
        for (uint b = 0; b < 256; b++)
        {
            uint crc = b;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
            tables[0][b] = crc;
        }

        for (int k = 1; k < 8; k++)
        {
            for (int b = 0; b < 256; b++) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 255];
        }

        return tables;
    }
}
