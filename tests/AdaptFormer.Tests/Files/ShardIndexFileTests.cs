using AdaptFormer.Files;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class ShardIndexFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public ShardIndexFileTests()
    {
        Shard("model-1.safetensors", ("a", 1), ("b", 2));
        Shard("model-2.safetensors", ("c", 3));
        File.Copy(TestFolder.Fixture("strided_shared.pth"), _folder.PathOf("model-3.bin"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_shards_are_shown_as_one_file_in_the_order_of_the_index()
    {
        using WeightsFile file = WeightsFile.Open(Index(
            """{"metadata": {"total_size": 12, "total_parameters": 3, "note": "x", "nested": {"y": []}}, "weight_map": {"c": "model-2.safetensors", "a": "model-1.safetensors", "b": "model-1.safetensors"}}"""));
        Assert.Equal(["c", "a", "b"], file.Entries.Keys);
        Assert.Equal([3f], WeightsAssert.Floats(file, "c"));
        Assert.Equal([2f], WeightsAssert.Floats(file, "b"));
        Assert.Equal("12", file.Metadata["total_size"]);
        Assert.Equal("x", file.Metadata["note"]);
        Assert.True(file.TryGetPointer(file.Get("a"), out _));
        WeightsEntry entry = file.Get("a");
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.ReadBytes(entry, new byte[4]));
    }

    [Theory]
    [InlineData("""{"weight_map": {"a": "model-1.safetensors"}}""", "'b': model-1.safetensors holds it, but the index does not place it there")]
    [InlineData("""{"weight_map": {"a": "model-2.safetensors"}}""", "'a': the index places it in model-2.safetensors, which does not hold it")]
    [InlineData("""{"weight_map": {"a": "model-9.safetensors"}}""", "not there; download all parts")]
    [InlineData("""{"weight_map": {"a": "../model-1.safetensors"}}""", "only name files in its own folder")]
    [InlineData("""{"weight_map": {"a": "/etc/passwd"}}""", "only name files in its own folder")]
    [InlineData("""{"weight_map": {"a": "C:\\x"}}""", "only name files in its own folder")]
    [InlineData("""{"weight_map": {"a": ".."}}""", "only name files in its own folder")]
    [InlineData("""{"weight_map": {"a": ""}}""", "only name files in its own folder")]
    [InlineData("""{"weight_map": {"a": "x.index.json"}}""", "no weights file of a known kind")]
    [InlineData("""{"weight_map": {"a": 1}}""", "'a' is not a text")]
    [InlineData("""{"weight_map": {"c": "model-2.safetensors", "c": "model-2.safetensors"}}""", "'c' occurs twice")]
    [InlineData("""{"weight_map": {}, "weight_map": {}}""", "'weight_map': the index has it twice")]
    [InlineData("""{"weight_map": []}""", "a JSON object is expected")]
    [InlineData("""{"metadata": {}}""", "weight_map is missing")]
    [InlineData("""{"weight_map": {"c": "model-2.safetensors"}""", "not valid JSON")]
    [InlineData("""{"weight_map": {"c": "model-2.safetensors"}} x""", "not valid JSON")]
    [InlineData("""{"architectures": ["ViTModel"], "hidden_size": 192}""", "known: metadata, weight_map")]
    public void A_wrong_index_is_refused(string json, string reason)
    {
        string path = Index(json);
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => WeightsFile.Open(path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => ShardIndexFile.Open(path));
    }

    [Fact]
    public void Shards_of_other_kinds_are_read_as_well()
    {
        string[] names = ["base", "transposed", "slice_rows", "slice_cols", "step", "row3", "perm3", "expanded", "shared_again", "view_flat", "parameter", "frozen_parameter"];
        string map = string.Join(",", names.Select(n => $"\"{n}\": \"model-3.bin\""));
        using WeightsFile file = WeightsFile.Open(Index("{\"weight_map\": {" + map + "}}"));
        using WeightsFile expected = WeightsFile.Open(TestFolder.Fixture("strided_shared.expected.safetensors"));
        foreach (string name in names) WeightsAssert.SameTensor(expected, name, file, name);
    }

    private string Index(string json)
    {
        File.WriteAllText(_folder.PathOf("x.index.json"), json);
        return _folder.PathOf("x.index.json");
    }

    private void Shard(string fileName, params (string Name, float Value)[] tensors)
    {
        SafetensorsWriter writer = new();
        foreach ((string name, float value) in tensors) writer.Add(name, new Shape(1), new float[] { value });
        writer.Save(_folder.PathOf(fileName));
    }
}
