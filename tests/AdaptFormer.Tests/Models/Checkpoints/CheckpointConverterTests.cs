using AdaptFormer.Files;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tests.Files;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

public sealed class CheckpointConverterTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("adaptformer")]
    [InlineData("huggingface")]
    [InlineData("mae")]
    public void There_and_back_leaves_every_bit(string naming)
    {
        string timm = TestFolder.Fixture("timm_vit_zip.pth"), there = _folder.PathOf("there.safetensors"), back = _folder.PathOf("back.safetensors");
        ConversionReport report = CheckpointConverter.Convert(timm, there, NameMaps.Get(naming));
        Assert.Equal("timm", report.From);
        CheckpointConverter.Convert(there, back, NameMaps.Timm);
        Same(timm, back);
    }

    [Fact]
    public void The_official_names_are_those_of_the_authors_file()
    {
        string target = _folder.PathOf("official.safetensors"), back = _folder.PathOf("timm.safetensors");
        CheckpointConverter.Convert(TestFolder.Fixture("timm_vit_zip.pth"), target, NameMaps.OfficialAdaptFormer);
        using WeightsFile ours = WeightsFile.Open(target), theirs = WeightsFile.Open(TestFolder.Fixture("adaptformer_image_pretrain.expected.safetensors"));
        Assert.Equal(theirs.Entries.Keys.Order(), ours.Entries.Keys.Where(name => !name.StartsWith("head.", StringComparison.Ordinal)).Order());
        foreach ((string name, WeightsEntry entry) in theirs.Entries) Assert.Equal(Read(theirs, entry), Read(ours, ours.Get(name)));

        CheckpointConverter.Convert(TestFolder.Fixture("adaptformer_image_pretrain.pth"), back, NameMaps.Timm);
        using WeightsFile timm = WeightsFile.Open(back);
        Assert.Contains("blocks.1.attn.qkv.weight", timm.Entries.Keys);
    }

    [Fact]
    public void A_video_encoder_of_pre_training_gets_the_names_of_the_authors_video_code_and_its_own_back()
    {
        string pretrained = TestFolder.Fixture("videomae_pretrain_encoder.pth"), official = _folder.PathOf("official.safetensors"), back = _folder.PathOf("back.safetensors");
        ConversionReport report = CheckpointConverter.Convert(pretrained, official, NameMaps.OfficialAdaptFormer);
        Assert.Equal("model / encoder.", report.Wrapper);
        Assert.Contains("norm.weight", report.LeftOut);
        Assert.Contains("mask_token", report.LeftOut);
        Same(TestFolder.Fixture("videomae_pretrain_encoder.expected.safetensors"), official);

        CheckpointConverter.Convert(official, back, NameMaps.VideoMaePretraining);
        using WeightsFile original = WeightsFile.Open(pretrained), ours = WeightsFile.Open(back);
        Assert.All(ours.Entries, entry => Assert.Equal(Read(original, original.Get(entry.Key)), Read(ours, entry.Value)));
        Assert.Equal(
            original.Entries.Keys.Where(name => name.StartsWith("encoder.", StringComparison.Ordinal) && !name.StartsWith("encoder.norm.", StringComparison.Ordinal)).Order(),
            ours.Entries.Keys.Order());
    }

    [Theory]
    [InlineData("adaptformer")]
    [InlineData("huggingface-videomae")]
    [InlineData("videomae-pretrain")]
    [InlineData("videomae")]
    public void A_video_encoder_there_and_back_leaves_every_bit(string naming)
    {
        string official = TestFolder.Fixture("videomae_pretrain_encoder.expected.safetensors"), there = _folder.PathOf("there.safetensors"), back = _folder.PathOf("back.safetensors");
        CheckpointConverter.Convert(official, there, NameMaps.Get(naming));
        Assert.Equal(naming == "huggingface-videomae" ? "Hugging Face videomae" : naming == "adaptformer" ? "AdaptFormer" : "timm", CheckpointConverter.Convert(there, back, NameMaps.OfficialAdaptFormer).From);
        Same(official, back);
    }

    [Fact]
    public void Hugging_face_names_keep_the_head_beside_the_backbone()
    {
        string target = _folder.PathOf("hf.safetensors");
        CheckpointConverter.Convert(TestFolder.Fixture("prefixed_module_backbone.pth"), target, NameMaps.HuggingFaceVit);
        using WeightsFile file = WeightsFile.Open(target);
        bool hasHead = file.Entries.ContainsKey("classifier.weight");
        Assert.Contains(hasHead ? "vit.encoder.layer.0.attention.attention.query.weight" : "encoder.layer.0.attention.attention.query.weight", file.Entries.Keys);
        Assert.Equal("pt", file.Metadata["format"]);
    }

    [Fact]
    public void An_unknown_naming_is_answered_with_the_known_ones() =>
        Assert.Contains($"known: {string.Join(", ", NameMaps.Known)}.", Assert.Throws<ArgumentException>(() => NameMaps.Get("keras")).Message);

    private static void Same(string expected, string actual)
    {
        using WeightsFile a = WeightsFile.Open(expected), b = WeightsFile.Open(actual);
        Assert.Equal(a.Entries.Keys.Order(), b.Entries.Keys.Order());
        foreach ((string name, WeightsEntry entry) in a.Entries)
        {
            Assert.Equal(entry.Shape, b.Get(name).Shape);
            Assert.Equal(Read(a, entry), Read(b, b.Get(name)));
        }
    }

    private static float[] Read(WeightsFile file, WeightsEntry entry)
    {
        float[] values = new float[entry.ElementCount];
        file.ReadFloat32(entry, values);
        return values;
    }
}
