namespace AdaptFormer.Files;

/// <summary>A run of bytes in memory in which one or more tensors lie: a part of a mapped file, or an inflated member.</summary>
internal abstract unsafe class StoredBlock
{
    /// <summary>Bytes of the block.</summary>
    public abstract long Length { get; }

    /// <summary>Whether the bytes are the file's own pages, so that they cost no memory and can be released and read again.</summary>
    public abstract bool IsMapped { get; }

    /// <summary>The first byte, valid until the file is closed. The first call may check or inflate the content.</summary>
    /// <exception cref="InvalidDataException">The content is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public abstract byte* Address();
}

/// <summary>A part of a mapped file.</summary>
internal sealed unsafe class MappedBlock(MappedFile file, long offset, long length) : StoredBlock
{
    /// <inheritdoc/>
    public override long Length => length;

    /// <inheritdoc/>
    public override bool IsMapped => true;

    /// <inheritdoc/>
    public override byte* Address() => file.Start + offset;
}
