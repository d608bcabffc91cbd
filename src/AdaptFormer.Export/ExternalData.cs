namespace AdaptFormer.Export;

/// <summary>The second file of a model that is kept in two: the numbers, one constant after the other, each at the start of a
/// page.</summary>
/// <param name="stream">Where they are written.</param>
internal sealed class ExternalData(Stream stream)
{
    private const int Page = 4096;

    /// <summary>Writes the bytes of one constant.</summary>
    /// <returns>Where they lie.</returns>
    public (long Offset, long Length) Add(ReadOnlySpan<byte> bytes)
    {
        int gap = (int)((Page - (stream.Position % Page)) % Page);
        stream.Write(new byte[gap]);
        long offset = stream.Position;
        stream.Write(bytes);
        return (offset, bytes.Length);
    }
}
