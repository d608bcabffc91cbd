using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class NumpyFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.SmallestSize)]
    public void All_arrays_of_a_zip_file_are_read_under_their_names(CompressionLevel level)
    {
        float[] values = [1, 2, 3, 4, 5, 6];
        byte[] floats = MemoryMarshal.AsBytes<float>(values).ToArray();
        string path = _folder.Write("a.bin", PickleWriter.ZipBytes(level,
            ("Transformer/encoderblock_0/kernel.npy", Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", floats)),
            ("columns.npy", Npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", floats)),
            ("scalar.npy", Npy("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", BitConverter.GetBytes(-7L))),
            ("empty.npy", Npy("{'descr': '|u1', 'fortran_order': True, 'shape': (0, 4), }", []))));
        using WeightsFile file = WeightsFile.Open(path);

        Assert.Equal(["Transformer/encoderblock_0/kernel", "columns", "scalar", "empty"], file.Entries.Keys);
        Assert.Equal(values, WeightsAssert.Floats(file, "Transformer/encoderblock_0/kernel"));
        Assert.Equal([1f, 3, 5, 2, 4, 6], WeightsAssert.Floats(file, "columns"));
        Assert.Equal(new Shape(2, 3), file.Get("columns").Shape);
        Assert.Equal(MemoryMarshal.AsBytes<float>([1, 3, 5, 2, 4, 6]).ToArray(), WeightsAssert.Bytes(file, "columns"));
        Assert.Equal([-7f], WeightsAssert.Floats(file, "scalar"));
        Assert.Empty(WeightsAssert.Bytes(file, "empty"));
        Assert.False(file.TryGetPointer(file.Get("columns"), out _));
    }

    [Theory]
    [InlineData("<f2", FileDataType.Float16)]
    [InlineData("<f4", FileDataType.Float32)]
    [InlineData("<f8", FileDataType.Float64)]
    [InlineData("|V2", FileDataType.BFloat16)]
    [InlineData("|b1", FileDataType.Bool)]
    [InlineData("|i1", FileDataType.Int8)]
    [InlineData("|u1", FileDataType.UInt8)]
    [InlineData("<i2", FileDataType.Int16)]
    [InlineData("<u2", FileDataType.UInt16)]
    [InlineData("<i4", FileDataType.Int32)]
    [InlineData("<u4", FileDataType.UInt32)]
    [InlineData("<i8", FileDataType.Int64)]
    [InlineData("<u8", FileDataType.UInt64)]
    public void A_single_array_of_every_type_and_version_is_read(string descr, FileDataType type)
    {
        for (int version = 1; version <= 3; version++)
        {
            byte[] data = [.. Enumerable.Range(1, 3 * type.Size()).Select(i => (byte)i)];
            using WeightsFile file = WeightsFile.Open(_folder.Write("a", Npy($"{{'shape': (3,), 'fortran_order': False, \"descr\": '{descr}'}}\n", data, version)));
            Assert.Equal((type, new Shape(3)), (file.Get(NumpyFile.SingleName).Type, file.Get(NumpyFile.SingleName).Shape));
            Assert.Equal(data, WeightsAssert.Bytes(file, NumpyFile.SingleName));
        }
    }

    [Theory]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "pickled Python objects")]
    [InlineData("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "'>f4' is not read")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "header is damaged")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "needs 8 bytes after the header, but 4 are there")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "header is damaged")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "header is damaged")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,), }", "axis 0 is 9999999999 long")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1 2), }", "header is damaged")]
    [InlineData("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", "header is damaged")]
    [InlineData("{'descr': '<f4', 'fortran_order': False}", "lacks descr, fortran_order or shape")]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "the field 'descr' twice")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", "the field 'x'")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "header is damaged")]
    [InlineData("{'descr': '<f4", "header is damaged")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,", "header is damaged")]
    [InlineData("", "not a numpy array")]
    public void A_header_that_breaks_a_rule_is_refused(string header, string reason) => WeightsAssert.Refused(_folder.Write("a.npy", Npy(header, new byte[4])), reason);

    [Fact]
    public void Broken_preambles_are_refused()
    {
        byte[] good = Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", new byte[4]);
        WeightsAssert.Refused(_folder.Write("a", good.AsSpan(0, 11)), "not a numpy array");
        WeightsAssert.Refused(_folder.Write("a", good.AsSpan(0, 40)), "cut short");
        WeightsAssert.Refused(_folder.Write("a", [.. good[..6], 9, .. good[7..]]), "version 9 is not known");
        WeightsAssert.Refused(_folder.Write("a", Npy("{}", [], version: 2, statedLength: 1 << 20)), "at most 65536 are read");
        WeightsAssert.Refused(_folder.Write("a", PickleWriter.ZipBytes(CompressionLevel.NoCompression, ("a.npy", [1, 2, 3]))), "'a': it is not a numpy array");
        WeightsAssert.Refused(_folder.Write("a", PickleWriter.ZipBytes(CompressionLevel.NoCompression, ("a.npy", good[..40]))), "header is cut short");
        WeightsAssert.Refused(_folder.Write("a", PickleWriter.ZipBytes(CompressionLevel.NoCompression, ("a.txt", good))), "not a PyTorch checkpoint");
        WeightsAssert.Refused(_folder.Write("a", PickleWriter.ZipBytes(CompressionLevel.NoCompression)), "not a PyTorch checkpoint");
    }

    private static byte[] Npy(string header, byte[] data, int version = 1, int? statedLength = null)
    {
        byte[] text = Encoding.Latin1.GetBytes(header);
        byte[] length = new byte[version == 1 ? 2 : 4];
        if (version == 1) BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)(statedLength ?? text.Length));
        else BinaryPrimitives.WriteInt32LittleEndian(length, statedLength ?? text.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. text, .. data];
    }
}
