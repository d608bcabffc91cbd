using System.IO.Compression;
using System.Runtime.InteropServices;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Files;

/// <summary>Files that PyTorch wrote, against the values that PyTorch read from them.</summary>
public sealed class PyTorchFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("timm_vit_zip", "timm_vit", "", "")]
    [InlineData("timm_vit_legacy", "timm_vit", "", "")]
    [InlineData("mae_style_nested_model", "timm_vit", "model", "")]
    [InlineData("prefixed_module_backbone", "timm_vit", "state_dict", "module.backbone.")]
    [InlineData("timm_vit_half", "timm_vit_half", "", "")]
    [InlineData("timm_vit_bfloat16", "timm_vit_bfloat16", "", "")]
    [InlineData("timm_vit_bfloat16_legacy", "timm_vit_bfloat16", "", "")]
    [InlineData("mixed_dtypes", "mixed_dtypes", "", "")]
    [InlineData("mixed_dtypes_legacy", "mixed_dtypes", "", "")]
    [InlineData("strided_shared", "strided_shared", "", "")]
    [InlineData("strided_shared_legacy", "strided_shared", "", "")]
    [InlineData("adaptformer_image_pretrain", "adaptformer_image_pretrain", "model", "")]
    public void Fixtures_hold_exactly_the_expected_tensors(string name, string expectedName, string container, string prefix)
    {
        using WeightsFile file = WeightsFile.Open(TestFolder.Fixture(name + ".pth"));
        using WeightsFile expected = WeightsFile.Open(TestFolder.Fixture(expectedName + ".expected.safetensors"));
        string[] names = [.. expected.Entries.Keys.Where(n => !n.StartsWith("check/", StringComparison.Ordinal))];

        Assert.Equal(container, file.Container);
        IEnumerable<string> expectedNames = names.Select(n => prefix + n);
        Assert.Equal(expectedNames.Order(StringComparer.Ordinal), file.Entries.Keys.Order(StringComparer.Ordinal));
        foreach (string n in names) WeightsAssert.SameTensor(expected, n, file, prefix + n);
    }

    [Fact]
    public void A_training_checkpoint_gives_the_model_and_on_request_everything_else()
    {
        string path = TestFolder.Fixture("training_checkpoint_with_args.pth");
        using WeightsFile expected = WeightsFile.Open(TestFolder.Fixture("training_checkpoint_with_args.expected.safetensors"));
        using WeightsFile model = WeightsFile.Open(path);
        using WeightsFile all = PyTorchFile.Open(path, container: "");
        using WeightsFile state = PyTorchFile.Open(path, container: "optimizer.state");

        Assert.Equal("model", model.Container);
        string[] names = [.. expected.Entries.Keys.Where(n => n.StartsWith("model/", StringComparison.Ordinal))];
        Assert.Equal(names, model.Entries.Keys.Select(n => "model/" + n));
        foreach (string n in names) WeightsAssert.SameTensor(expected, n, model, n["model/".Length..]);

        Assert.Equal(names.Length + 2, all.Entries.Count);
        foreach (string i in new[] { "0", "1" })
        {
            WeightsAssert.SameTensor(expected, $"momentum_buffer/{i}", all, $"optimizer.state.{i}.momentum_buffer");
            WeightsAssert.SameTensor(expected, $"momentum_buffer/{i}", state, $"{i}.momentum_buffer");
        }

        Assert.Equal("7", model.Metadata["epoch"]);
        Assert.Equal("65536", model.Metadata["scaler.scale"]);
        Assert.Equal("0.1", model.Metadata["args.lr"]);
        Assert.Equal("true", model.Metadata["args.ffn_adapt"]);
        Assert.Equal("cifar100", model.Metadata["args.dataset"]);
        Assert.Equal("2", model.Metadata["args.lst.1"]);
        Assert.DoesNotContain("args.none", model.Metadata.Keys);
        WeightsAssert.Refused(path, p => PyTorchFile.Open(p, "optimizer.missing"), "'optimizer.missing': the checkpoint has no such dictionary");
    }

    [Fact]
    public void A_VideoMAE_file_holds_the_expected_values_under_its_own_names()
    {
        using WeightsFile file = WeightsFile.Open(TestFolder.Fixture("videomae_pretrain_encoder.pth"));
        using WeightsFile expected = WeightsFile.Open(TestFolder.Fixture("videomae_pretrain_encoder.expected.safetensors"));
        int compared = 0;
        foreach (string name in expected.Entries.Keys.Where(n => !n.Contains("_proj.", StringComparison.Ordinal)))
        {
            WeightsAssert.SameTensor(expected, name, file, "encoder." + name.Replace(".fc", ".mlp.fc", StringComparison.Ordinal));
            compared++;
        }

        for (int block = 0; block < 2; block++)
        {
            IEnumerable<byte> rows = new[] { "q", "k", "v" }.SelectMany(part => WeightsAssert.Bytes(expected, $"blocks.{block}.attn.{part}_proj.weight"));
            Assert.Equal(rows, WeightsAssert.Bytes(file, $"encoder.blocks.{block}.attn.qkv.weight"));
            compared += 3;
        }

        Assert.Equal(expected.Entries.Count, compared);
        Assert.Equal("model", file.Container);
    }

    [Theory]
    [InlineData("malicious_os_system_zip.pth", "posix.system")]
    [InlineData("malicious_os_system_legacy.pth", "posix.system")]
    [InlineData("malicious_builtins_eval.pth", "__builtin__.eval")]
    [InlineData("malicious_getattr.pth", "__builtin__.getattr")]
    public void Hostile_fixtures_are_refused_by_the_name_that_they_ask_for(string name, string global) =>
        WeightsAssert.Refused(TestFolder.Fixture(name), $"'{global}'", "nothing was executed");

    [Theory]
    [InlineData("corrupt_truncated_zip.pth", "cut short")]
    [InlineData("corrupt_truncated_legacy.pth", "cut short")]
    [InlineData("corrupt_not_a_checkpoint.pth", "no weights file of a known kind")]
    public void Damaged_fixtures_are_refused(string name, string reason) => WeightsAssert.Refused(TestFolder.Fixture(name), reason);

    [Fact]
    public void Real_weights_equal_their_safetensors_twin()
    {
        string? pth = TestFolder.Data("deit_tiny/deit_tiny_patch16_224.pth"), safetensors = TestFolder.Data("deit_tiny/deit_tiny_patch16_224.safetensors");
        Assert.SkipWhen(pth is null || safetensors is null, "shared/data/deit_tiny is not here (set ADAPTFORMER_DATA)");
        using WeightsFile file = WeightsFile.Open(pth);
        using WeightsFile expected = WeightsFile.Open(safetensors);
        Assert.Equal(expected.Entries.Keys.Order(StringComparer.Ordinal), file.Entries.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(5_717_416, file.Entries.Values.Sum(e => e.ElementCount));
        foreach (string name in expected.Entries.Keys) WeightsAssert.SameTensor(expected, name, file, name);
    }

    [Fact]
    public void Tensors_of_a_zip_checkpoint_can_be_used_in_place()
    {
        using WeightsFile file = WeightsFile.Open(TestFolder.Fixture("timm_vit_zip.pth"));
        Assert.All(file.Entries.Values, entry =>
        {
            Assert.True(file.TryGetPointer(entry, out nint pointer));
            float[] values = new float[entry.ElementCount];
            Marshal.Copy(pointer, values, 0, values.Length);
            Assert.Equal(WeightsAssert.Floats(file, entry.Name), values);
        });
    }

    [Fact]
    public void Strided_views_are_converted_to_float_in_row_major_order()
    {
        using WeightsFile file = WeightsFile.Open(TestFolder.Fixture("strided_shared.pth"));
        using WeightsFile expected = WeightsFile.Open(TestFolder.Fixture("strided_shared.expected.safetensors"));
        foreach (string name in expected.Entries.Keys) Assert.Equal(WeightsAssert.Floats(expected, name), WeightsAssert.Floats(file, name));
        Assert.False(file.TryGetPointer(file.Get("transposed"), out _));
    }

    [Fact]
    public void A_checkpoint_that_was_compressed_again_is_read_the_same()
    {
        using ZipArchive original = System.IO.Compression.ZipFile.OpenRead(TestFolder.Fixture("strided_shared.pth"));
        (string, byte[])[] members = [.. original.Entries.Select(e =>
        {
            using Stream stream = e.Open();
            using MemoryStream bytes = new();
            stream.CopyTo(bytes);
            return (e.FullName, bytes.ToArray());
        })];
        using WeightsFile file = WeightsFile.Open(_folder.Write("again", PickleWriter.ZipBytes(CompressionLevel.SmallestSize, members)));
        using WeightsFile expected = WeightsFile.Open(TestFolder.Fixture("strided_shared.expected.safetensors"));
        foreach (string name in expected.Entries.Keys) WeightsAssert.SameTensor(expected, name, file, name);
        Assert.False(file.TryGetPointer(file.Get("base"), out _));
    }

    [Fact]
    public void The_container_with_more_tensors_than_lie_beside_it_is_unwrapped_and_no_other()
    {
        using WeightsFile wrapped = Open(p => p.Raw('}').Raw('(').Text("best").Tensor([1], [1])
            .Text("state_dict").Dict("model", q => q.Raw('}').Raw('(').Text("a").Tensor([4], [1]).Text("b").Tensor([2], [1]).Raw('u')).Raw('u'));
        Assert.Equal("state_dict.model", wrapped.Container);
        Assert.Equal(["a", "b"], wrapped.Entries.Keys);

        using WeightsFile beside = Open(p => p.Raw('}').Raw('(').Text("a").Tensor([4], [1])
            .Text("model").Dict("x", q => q.Tensor([2], [1])).Raw('u'));
        Assert.Equal("", beside.Container);
        Assert.Equal(["a", "model.x"], beside.Entries.Keys);

        using WeightsFile unknown = Open(p => p.Dict("teacher", q => q.Dict("x", r => r.Tensor([2], [1]))));
        Assert.Equal(["teacher.x"], unknown.Entries.Keys);
    }

    [Fact]
    public void A_lone_tensor_is_called_tensor()
    {
        using WeightsFile file = Open(p => p.Tensor([2, 2], [2, 1]));
        Assert.Equal([1f, 2, 3, 4], WeightsAssert.Floats(file, "tensor"));
        Assert.Equal(new Shape(2, 2), file.Get("tensor").Shape);
    }

    [Fact]
    public void Numpy_scalars_devices_sizes_and_types_are_kept_as_texts()
    {
        using WeightsFile file = Open(p => p.Raw('}').Raw('(')
            .Text("w").Tensor([4], [1])
            .Text("acc").Global("numpy.core.multiarray", "scalar").Raw('(')
                .Global("numpy", "dtype").Raw('(').Text("f8").Raw(0x89, 0x88).Raw('t').Raw('R')
                .Raw('(').Int(3).Text("<").Raw('N').Raw('N').Raw('N').Int(-1).Int(-1).Int(0).Raw('t').Raw('b')
                .Global("_codecs", "encode").Raw('(').Text("\0\0\0\0\0\0ø?").Text("latin1").Raw('t').Raw('R')
            .Raw('t').Raw('R')
            .Text("device").Global("torch", "device").Raw('(').Text("cuda").Int(0).Raw('t').Raw('R')
            .Text("size").Global("torch", "Size").Raw('(').Ints(3, 5).Raw('t').Raw('R')
            .Text("dtype").Global("torch", "float16")
            .Raw('u'));
        Assert.Equal("1.5", file.Metadata["acc"]);
        Assert.Equal("cuda", file.Metadata["device"]);
        Assert.Equal("5", file.Metadata["size.1"]);
        Assert.DoesNotContain("dtype", file.Metadata.Keys);
    }

    [Fact]
    public void Untyped_storages_of_newer_versions_are_read_by_the_type_that_the_tensor_names()
    {
        using WeightsFile file = Open(p => p.Dict("w", q => q.Global("torch._utils", "_rebuild_tensor_v3").Raw('(')
            .Storage("UntypedStorage", count: 16, module: "torch.storage").Int(1).Ints(3).Ints(2).Raw(0x89).Raw('N').Global("torch", "uint16").Raw('t').Raw('R')));
        Assert.Equal((FileDataType.UInt16, new Shape(3)), (file.Get("w").Type, file.Get("w").Shape));
        Assert.Equal([16256f, 16384f, 16448f], WeightsAssert.Floats(file, "w"));       // the upper halves of 1, 2, 3
    }

    private WeightsFile Open(Action<PickleWriter> write)
    {
        PickleWriter pickle = new();
        write(pickle);
        byte[] storage = MemoryMarshal.AsBytes<float>([1, 2, 3, 4]).ToArray();
        return WeightsFile.Open(_folder.Write(Guid.NewGuid().ToString(), PickleWriter.Zip(pickle, ("x/data/0", storage))));
    }
}
