using System.Runtime.CompilerServices;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>Takes a window's tokens out of their grid and puts them back: some bytes of each of one or more parts of a token's
/// row.</summary>
/// <param name="RowBytes">From one token to the next in the grid.</param>
/// <param name="PartBytes">From one part of a token's row to the next.</param>
/// <param name="Parts">Parts of a row: 3 for queries, keys and values.</param>
/// <param name="Offset">Where in a part the bytes begin.</param>
/// <param name="Bytes">How many.</param>
internal readonly unsafe record struct WindowRows(long RowBytes, long PartBytes, int Parts, int Offset, int Bytes)
{
    /// <summary>rows[r] = grid[tokens[r]], or the padding's row where there is no such token.</summary>
    /// <param name="grid">First token of an image.</param>
    /// <param name="padding">A row of the grid's layout.</param>
    /// <param name="tokens">The window's tokens, −1 for padding.</param>
    /// <param name="rows">Dense, [tokens, Parts·Bytes].</param>
    public void Gather(nint grid, nint padding, ReadOnlySpan<int> tokens, nint rows)
    {
        byte* to = (byte*)rows;
        foreach (int token in tokens)
        {
            byte* from = (byte*)(token < 0 ? padding : grid + (nint)(token * RowBytes)) + Offset;
            for (int part = 0; part < Parts; part++, from += PartBytes, to += Bytes) Unsafe.CopyBlockUnaligned(to, from, (uint)Bytes);
        }
    }

    /// <summary>grid[tokens[r]] = rows[r]; what belongs to padding is left out.</summary>
    public void Scatter(nint rows, ReadOnlySpan<int> tokens, nint grid)
    {
        byte* from = (byte*)rows;
        foreach (int token in tokens)
        {
            if (token < 0)
            {
                from += Parts * Bytes;
                continue;
            }

            byte* to = (byte*)(grid + (nint)(token * RowBytes)) + Offset;
            for (int part = 0; part < Parts; part++, to += PartBytes, from += Bytes) Unsafe.CopyBlockUnaligned(to, from, (uint)Bytes);
        }
    }
}
