using System.Globalization;
using System.Runtime.InteropServices;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class WeightsFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(FileDataType.Bool, "000102", new[] { 0f, 1, 1 })]
    [InlineData(FileDataType.UInt8, "0080ff", new[] { 0f, 128, 255 })]
    [InlineData(FileDataType.Int8, "0080ff", new[] { 0f, -128, -1 })]
    [InlineData(FileDataType.UInt16, "0100ffff", new[] { 1f, 65535 })]
    [InlineData(FileDataType.Int16, "0100ffff", new[] { 1f, -1 })]
    [InlineData(FileDataType.UInt32, "01000000ffffffff", new[] { 1f, 4294967296f })]
    [InlineData(FileDataType.Int32, "01000000ffffffff", new[] { 1f, -1 })]
    [InlineData(FileDataType.UInt64, "0100000000000000ffffffffffffffff", new[] { 1f, 18446744073709551616f })]
    [InlineData(FileDataType.Int64, "0100000000000000ffffffffffffffff", new[] { 1f, -1 })]
    [InlineData(FileDataType.Float16, "003c00c0007c007e0100", new[] { 1f, -2, float.PositiveInfinity, float.NaN, 5.9604645e-8f })]
    [InlineData(FileDataType.BFloat16, "803f00c0807fc07f", new[] { 1f, -2, float.PositiveInfinity, float.NaN })]
    [InlineData(FileDataType.Float32, "0000803f0000c0ff000080ff", new[] { 1f, float.NaN, float.NegativeInfinity })]
    [InlineData(FileDataType.Float64, "000000000000f03fffffffffffffef7f000000000000f87f", new[] { 1f, float.PositiveInfinity, float.NaN })]
    public void Every_type_is_read_as_float(FileDataType type, string hex, float[] expected)
    {
        byte[] bytes = Convert.FromHexString(hex);
        using WeightsFile file = OneTensor(type, new Shape(expected.Length), bytes);
        float[] values = new float[expected.Length];
        file.ReadFloat32(file.Entries["w"], values);
        Assert.Equal(expected, values);
        Assert.Equal(expected.Length, file.Entries["w"].ElementCount);
    }

    [Fact]
    public unsafe void A_mapped_tensor_can_be_used_in_place_and_read_again_after_its_pages_were_released()
    {
        float[] values = [.. Enumerable.Range(0, 1 << 20).Select(i => (float)i)];
        using WeightsFile file = OneTensor(FileDataType.Float32, new Shape(1 << 10, 1 << 10), MemoryMarshal.AsBytes<float>(values).ToArray());
        WeightsEntry entry = file.Entries["w"];

        Assert.True(file.TryGetPointer(entry, out nint pointer));
        Assert.True(new ReadOnlySpan<float>((void*)pointer, values.Length).SequenceEqual(values));
        file.ReleasePages(entry);
        Assert.True(new ReadOnlySpan<float>((void*)pointer, values.Length).SequenceEqual(values));
    }

    [Fact]
    public void Releasing_pages_lowers_the_resident_memory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        const int MiB = 32;
        using WeightsFile file = OneTensor(FileDataType.UInt8, new Shape(MiB << 20), new byte[MiB << 20]);
        WeightsEntry entry = file.Entries["w"];
        Assert.True(file.TryGetPointer(entry, out nint pointer));
        int sum = 0;
        for (int i = 0; i < MiB << 20; i += 4096) sum += Marshal.ReadByte(pointer, i);
        long before = ResidentKilobytes(pointer);
        file.ReleasePages(entry);
        long released = before - ResidentKilobytes(pointer);
        Assert.Equal(0, sum);
        Assert.True(released > MiB * 1024 / 2, $"only {released} kB of {MiB} MiB were released");
    }

    [Fact]
    public void A_tensor_that_is_not_aligned_has_no_pointer_but_can_be_copied()
    {
        SafetensorsWriter writer = new() { Sorted = false };
        writer.Add("flag", FileDataType.Bool, new Shape(1), new byte[1]);
        writer.Add("w", new Shape(2), new float[] { 3, 4 });
        writer.Save(_folder.PathOf("a"));
        using WeightsFile file = WeightsFile.Open(_folder.PathOf("a"));
        Assert.False(file.TryGetPointer(file.Entries["w"], out nint pointer));
        Assert.Equal(0, pointer);
        float[] values = new float[2];
        file.ReadFloat32(file.Entries["w"], values);
        Assert.Equal([3f, 4f], values);
    }

    [Fact]
    public void Wrong_lengths_missing_names_and_closed_files_are_refused()
    {
        WeightsFile file = OneTensor(FileDataType.Float32, new Shape(2), new byte[8]);
        WeightsEntry entry = file.Get("w");
        Assert.Contains("'w' [2] has 2 elements, but the destination has 3",
            Assert.Throws<ArgumentException>(() => file.ReadFloat32(entry, new float[3])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => file.ReadBytes(entry, new byte[7]));
        Assert.Contains("'v': the file holds no tensor", Assert.Throws<InvalidDataException>(() => file.Get("v")).Message, StringComparison.Ordinal);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.ReadFloat32(entry, new float[2]));
        Assert.Throws<ObjectDisposedException>(() => file.TryGetPointer(entry, out _));
        Assert.Throws<ObjectDisposedException>(() => file.ReleasePages(entry));
    }

    [Fact]
    public void The_kind_follows_from_the_content_whatever_the_name()
    {
        (string Fixture, string Kind)[] files = [("timm_vit.expected.safetensors", "safetensors"), ("timm_vit_zip.pth", "PyTorch zip"), ("timm_vit_legacy.pth", "PyTorch legacy")];
        foreach ((string fixture, string kind) in files)
        {
            using WeightsFile file = WeightsFile.Open(_folder.Write("weights.npz", File.ReadAllBytes(TestFolder.Fixture(fixture))));
            Assert.Equal(kind, file.Kind);
        }

        WeightsAssert.Refused(_folder.Write("a", "version https://git-lfs.github.com/spec/v1\noid sha256:0"u8), "git lfs pull");
        WeightsAssert.Refused(_folder.Write("a", "<!DOCTYPE html><html></html>"u8), "no weights file of a known kind");
        WeightsAssert.Refused(_folder.Write("a", ""u8), "no weights file of a known kind");
        WeightsAssert.Refused(_folder.Write("a", [0x80, 2, (byte)'N', (byte)'.']), "not one that torch.save wrote");
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_reported_as_such()
    {
        Assert.Throws<FileNotFoundException>(() => WeightsFile.Open(_folder.PathOf("none")));
        Assert.Contains("it is a folder", Assert.Throws<IOException>(() => WeightsFile.Open(_folder.PathOf(""))).Message, StringComparison.Ordinal);
    }

    /// <summary>What is in memory of the mapping that holds an address.</summary>
    private static long ResidentKilobytes(nint address) =>
        File.ReadLines("/proc/self/smaps").SkipWhile(line => !Holds(line, address)).Where(line => line.StartsWith("Rss:", StringComparison.Ordinal))
            .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1])).First();

    private static bool Holds(string mapping, nint address)
    {
        string[] ends = mapping.Split(' ')[0].Split('-');
        return ends.Length == 2 && nint.TryParse(ends[0], NumberStyles.HexNumber, null, out nint from)
            && nint.TryParse(ends[1], NumberStyles.HexNumber, null, out nint to) && address >= from && address < to;
    }

    private WeightsFile OneTensor(FileDataType type, Shape shape, byte[] bytes)
    {
        SafetensorsWriter writer = new();
        writer.Add("w", type, shape, bytes);
        writer.Save(_folder.PathOf("one.bin"));
        return WeightsFile.Open(_folder.PathOf("one.bin"));
    }
}
