namespace AdaptFormer.Data.Images;

/// <summary>Reads the blocks of one JPEG scan past their bits.</summary>
/// <param name="bits">The scan's data.</param>
/// <param name="first">First coefficient of the scan, in zigzag order.</param>
/// <param name="last">Last coefficient.</param>
/// <param name="high">Lowest bit that earlier scans brought; 0 in the first scan of a band.</param>
internal ref struct JpegScan(JpegBits bits, int first, int last, int high)
{
    private JpegBits _bits = bits;
    private string? _problem;
    private int _endOfBand;      // blocks, this one included, that bring nothing new

    /// <summary>What was wrong; null as long as nothing is.</summary>
    public readonly string? Problem => _problem ?? _bits.Problem;

    /// <summary>Passes a restart marker, which must be number <paramref name="expected"/>, 0 to 7.</summary>
    public void Restart(ReadOnlySpan<byte> data, int expected)
    {
        int marker = _bits.Marker(out int superfluous);
        if (superfluous >= 8) _problem = "bytes too many before a restart marker";
        if (marker == data.Length || data[marker + 1] != 0xD0 + expected) _problem = "a restart marker is missing or out of turn";
        _bits = new JpegBits(data, Math.Min(marker + 2, data.Length));
        _endOfBand = 0;
    }

    /// <summary>Ends the scan.</summary>
    /// <returns>Where the marker after it is.</returns>
    public int End(out int superfluous) => _bits.Marker(out superfluous);

    /// <summary>A whole block: the mean, then runs of zeros with a coefficient after each.</summary>
    public void Sequential(JpegHuffmanTable dc, JpegHuffmanTable ac)
    {
        int size = _bits.Symbol(dc);
        if (size < 0 || _bits.Number(size) < 0) return;
        for (int k = 1; k < 64; k++)
        {
            int symbol = _bits.Symbol(ac);
            if (symbol < 0) return;
            int run = symbol >> 4;
            size = symbol & 15;
            if (size == 0 && run != 15) return;
            k += run;
            if (_bits.Number(size) < 0) return;
        }
    }

    /// <summary>What a progressive scan brings of a block.</summary>
    /// <param name="dc">Table of the means; not used by other bands.</param>
    /// <param name="ac">Table of the band; not used for the means.</param>
    /// <param name="nonZero">Which of the block's coefficients are not 0.</param>
    public void Progressive(JpegHuffmanTable? dc, JpegHuffmanTable? ac, ref ulong nonZero)
    {
        if (first == 0 && high == 0)
            _bits.Number(Math.Max(0, _bits.Symbol(dc!)));
        else if (first == 0)
            _bits.Number(1);
        else if (high == 0)
            FirstBits(ac!, ref nonZero);
        else
            MoreBits(ac!, ref nonZero);
    }

    private void FirstBits(JpegHuffmanTable ac, ref ulong nonZero)
    {
        if (_endOfBand > 0)
        {
            _endOfBand--;
            return;
        }

        for (int k = first; k <= last; k++)
        {
            int symbol = _bits.Symbol(ac);
            if (symbol < 0) return;
            int run = symbol >> 4, size = symbol & 15;
            if (size == 0 && run != 15)
            {
                _endOfBand = (1 << run) - 1 + Math.Max(0, _bits.Number(run));
                return;
            }

            k += run;
            if (_bits.Number(size) < 0) return;
            if (size > 0 && k < 64) nonZero |= 1UL << k;
        }
    }

    /// <summary>One more bit of each coefficient that is not 0, and new ones between them.</summary>
    private void MoreBits(JpegHuffmanTable ac, ref ulong nonZero)
    {
        int k = first;
        for (; _endOfBand == 0 && k <= last; k++)
        {
            int symbol = _bits.Symbol(ac);
            if (symbol < 0) return;
            int run = symbol >> 4, size = symbol & 15;
            if (size > 1) _problem = "a bad Huffman code";
            if (size == 0 && run != 15)
            {
                _endOfBand = (1 << run) + Math.Max(0, _bits.Number(run));
                break;
            }

            if (_bits.Number(size) < 0) return;      // the sign of the new one
            for (; k <= last; k++)
            {
                if ((nonZero >> k & 1) == 0)
                {
                    if (--run < 0) break;
                }
                else if (_bits.Number(1) < 0)
                {
                    return;
                }
            }

            if (size > 0 && k <= last) nonZero |= 1UL << k;
        }

        if (_endOfBand == 0) return;
        for (; k <= last; k++)
        {
            if ((nonZero >> k & 1) != 0 && _bits.Number(1) < 0) return;
        }

        _endOfBand--;
    }
}
