using System.Buffers.Binary;

namespace AdaptFormer.Files;

/// <summary>Tells the kinds of weights files apart by their first bytes.</summary>
internal static class WeightsFileKinds
{
    private const int ProbedBytes = 64;

    /// <summary>Opens a file of any kind.</summary>
    /// <param name="path">Where the file is.</param>
    /// <param name="allowIndex">Whether it may be the index of a sharded model: a shard may not.</param>
    public static WeightsFile Open(string path, bool allowIndex)
    {
        MappedFile file = new(path);
        bool kept = false;
        try
        {
            ReadOnlySpan<byte> start = file.Slice(0, (int)Math.Min(file.Length, ProbedBytes));
            if (allowIndex && LooksLikeIndex(start)) return ShardIndexFile.Open(file);
            WeightsFile opened = OpenSingle(file, start);
            kept = true;
            return opened;
        }
        finally
        {
            if (!kept) file.Dispose();
        }
    }

    /// <summary>Whether the file begins like a zip file, perhaps an empty one.</summary>
    public static bool IsZip(MappedFile file) => file.Length >= 4 && IsZip(file.Slice(0, 4));

    private static bool IsZip(ReadOnlySpan<byte> start) => start.StartsWith("PK\x03\x04"u8) || start.StartsWith("PK\x05\x06"u8);

    private static WeightsFile OpenSingle(MappedFile file, ReadOnlySpan<byte> start)
    {
        if (IsZip(start)) return OpenZip(file);
        if (NpyHeader.IsNumpy(start)) return NumpyFile.OpenSingle(file);
        if (LooksLikeSafetensors(start)) return SafetensorsFile.Open(file);
        if (start.Length >= 2 && start[0] == 0x80 && start[1] is >= 2 and <= 5) return PyTorchFile.OpenLegacy(file, container: null);
        if (OnnxFile.LooksLike(start)) return OnnxFile.Open(file);
        if (start.StartsWith("version https://git-lfs"u8))
            throw BadFile.Error(file.Path, "it is only a pointer that Git LFS left in the place of the weights; fetch them with 'git "
                + "lfs pull'");
        throw BadFile.Error(file.Path, "it is no weights file of a known kind; known: safetensors, PyTorch (zip and legacy), npz, "
            + "npy, ONNX, safetensors index");
    }

    private static WeightsFile OpenZip(MappedFile file)
    {
        ZipFile zip = ZipFile.Read(file);
        return NumpyFile.IsNumpy(zip) ? NumpyFile.OpenZip(file, zip) : PyTorchFile.OpenZip(file, zip, container: null);
    }

    /// <summary>A header length that could be true, or the brace that opens a header.</summary>
    private static bool LooksLikeSafetensors(ReadOnlySpan<byte> start) =>
        start.Length > SafetensorsFile.LengthBytes
        && (start[SafetensorsFile.LengthBytes] == '{' || BinaryPrimitives.ReadUInt64LittleEndian(start) <= SafetensorsFile.MaxHeaderBytes);

    /// <summary>A brace or white space, and text so far that is no header length.</summary>
    private static bool LooksLikeIndex(ReadOnlySpan<byte> start) =>
        start.TrimStart(" \r\n\t"u8) is [(byte)'{', ..]
        && !(start.Length > SafetensorsFile.LengthBytes
            && BinaryPrimitives.ReadUInt64LittleEndian(start) <= SafetensorsFile.MaxHeaderBytes);
}
