using System.Buffers.Binary;
using System.Text;
using AdaptFormer.Files;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Header_order_shapes_metadata_and_values_are_read()
    {
        string path = Write("""{"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"__metadata__":{"k":"v"},"a":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}""",
            [7, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 192]);
        using WeightsFile file = SafetensorsFile.Open(path);
        Assert.Equal(["b", "a"], file.Entries.Keys);
        Assert.Equal("v", file.Metadata["k"]);
        Assert.Equal([2], file.Entries["b"].Shape.Dims.ToArray());
        Assert.Equal([1f, -2f], Read(file, "b"));
        Assert.Equal([7f], Read(file, "a"));
    }

    [Theory]
    [InlineData("[]", 0, "not a JSON object")]
    [InlineData(" {}", 0, "not a JSON object")]
    [InlineData("{}x", 0, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],}}""", 4, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", 4, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}""", 4, "not valid JSON")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "invalid text")]
    [InlineData("""{"a":4}""", 0, "'a': a JSON object is expected")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "'a': the name occurs twice")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "'dtype' occurs twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}""", 4, "unknown field 'x'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "'data_offsets' is missing")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4, "'shape' is missing")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "'dtype' is missing")]
    [InlineData("""{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", 4, "dtype 'F33' is not known")]
    [InlineData("""{"a":{"dtype":3,"shape":[1],"data_offsets":[0,4]}}""", 4, "is not known")]
    [InlineData("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4, "shape is not a list")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "shape holds something other")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "shape holds something other")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,4]}}""", 4, "axis 0 is 4294967296 long")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}""", 4, "more elements than any file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,2147483647,2147483647,2147483647],"data_offsets":[0,0]}}""", 0, "more elements than any file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}""", 4, "33 axes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 4, "has 3 numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "run backwards")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}""", 4, "data_offsets holds something other")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "'b': its bytes 4..8 overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "'b': its bytes start at 8 and leave a hole after 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "leave a hole after 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "cut short")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "the file goes on to 5")]
    [InlineData("""{"__metadata__":{"k":1}}""", 0, "'__metadata__': 'k' is not a text")]
    [InlineData("""{"__metadata__":{"k":"1","k":"2"}}""", 0, "'__metadata__': 'k' occurs twice")]
    [InlineData("""{"__metadata__":"x"}""", 0, "'__metadata__': a JSON object is expected")]
    public void A_header_that_breaks_a_rule_is_refused_with_path_and_reason(string header, int dataBytes, string reason)
    {
        string path = Write(header, new byte[dataBytes]);
        AssertRefused(path, reason);
    }

    [Theory]
    [InlineData("", "no room for a header")]
    [InlineData("0000000000000000", "not valid JSON")]
    [InlineData("ffffffffffffffff7b7d", "states a header of 18446744073709551615 bytes")]
    [InlineData("0300000000000000" + "7b7d", "only 2 follow")]
    [InlineData("0200000000000000" + "7bff", "not valid JSON")]
    public void A_header_length_that_does_not_fit_the_file_is_refused(string hex, string reason)
    {
        AssertRefused(_folder.Write("a.safetensors", Convert.FromHexString(hex)), reason);
    }

    [Fact]
    public void A_lower_header_limit_is_kept()
    {
        string path = Write("{}" + new string(' ', 100), []);
        SafetensorsFile.Open(path, maxHeaderBytes: 102).Dispose();
        Assert.Contains("at most 101", Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path, 101)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bad_header_length.safetensors")]
    [InlineData("bad_offsets.safetensors")]
    [InlineData("bad_past_end.safetensors")]
    public void Damaged_fixtures_are_refused(string name) => AssertRefused(TestFolder.Fixture(name), "");

    [Fact]
    public void A_refused_file_is_closed_again()
    {
        string path = Write("[]", []);
        AssertRefused(path, "");
        using FileStream exclusive = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.True(exclusive.CanWrite);
    }

    private static float[] Read(WeightsFile file, string name)
    {
        float[] values = new float[file.Entries[name].ElementCount];
        file.ReadFloat32(file.Entries[name], values);
        return values;
    }

    private static void AssertRefused(string path, string reason)
    {
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    private string Write(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return _folder.Write("a.safetensors", [.. length, .. json, .. data]);
    }
}
