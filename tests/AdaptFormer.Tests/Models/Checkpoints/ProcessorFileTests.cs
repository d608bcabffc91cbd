using System.Text.Json;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Experiments;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

/// <summary>Image processors as transformers and timm write them. What is expected follows from their documentation: resize, crop, rescale, normalise, in this order.</summary>
public sealed class ProcessorFileTests
{
    private const string Half = "\"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5]";

    [Theory]
    [InlineData("\"size\": 224", 224, 0, false, Interpolation.Bilinear)]
    [InlineData("\"size\": {\"height\": 32, \"width\": 32}, \"resample\": 3", 32, 0, false, Interpolation.Bicubic)]
    [InlineData("\"size\": {\"shortest_edge\": 256}, \"do_center_crop\": true, \"crop_size\": {\"height\": 224, \"width\": 224}, \"resample\": 1", 224, 256, false, Interpolation.Lanczos)]
    [InlineData("\"size\": 256, \"do_center_crop\": true, \"crop_size\": 224, \"image_processor_type\": \"DeiTImageProcessor\"", 224, 256, true, Interpolation.Bicubic)]
    [InlineData("\"size\": 224, \"crop_size\": 224, \"do_center_crop\": true, \"feature_extractor_type\": \"CLIPFeatureExtractor\"", 224, 224, false, Interpolation.Bicubic)]
    [InlineData("\"size\": {\"height\": 256, \"width\": 256}, \"do_center_crop\": true, \"crop_size\": 224, \"resample\": 4", 224, 256, true, Interpolation.Box)]
    [InlineData("\"size\": {\"shortest_edge\": 224}, \"crop_pct\": 0.875, \"resample\": \"bicubic\"", 224, 256, false, Interpolation.Bicubic)]
    [InlineData("\"size\": {\"shortest_edge\": 384}, \"crop_pct\": 0.875", 384, 0, false, Interpolation.Bilinear)]
    [InlineData("\"image_processor_type\": \"BitImageProcessor\"", 224, 224, false, Interpolation.Bicubic)]
    [InlineData("\"do_pad\": false, \"do_flip_channel_order\": null, \"size\": 16", 16, 0, false, Interpolation.Bilinear)]
    public void Sizes_crops_and_filters_are_honoured(string keys, int size, int resize, bool stretch, Interpolation filter)
    {
        Preprocessing read = Read($"{{{keys}, {Half}}}", out _);
        Assert.Equal((size, resize, stretch, filter), (read.ImgSize, read.EvalResize, read.Stretch, read.Interpolation));
        Assert.Equal("inception", read.Statistics);
    }

    [Theory]
    [InlineData("\"do_normalize\": false", 0, 1)]
    [InlineData("\"do_normalize\": false, \"do_rescale\": false", 0, 1 / 255.0)]
    [InlineData("\"do_rescale\": false, \"image_mean\": [127.5, 127.5, 127.5], \"image_std\": [51, 51, 51]", 0.5, 0.2)]
    [InlineData("\"rescale_factor\": 0.00784313725490196, \"image_mean\": [1, 1, 1], \"image_std\": [1, 1, 1]", 0.5, 0.5)]
    [InlineData("\"rescale_factor\": 0.00784313725490196, \"offset\": true, \"do_normalize\": false", 0.5, 0.5)]
    [InlineData("\"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.25, 0.25, 0.25], \"rescale_factor\": 0.00392156862745098", 0.5, 0.25)]
    [InlineData("\"image_mean\": null", 0.5, 0.5)]
    public void Scales_and_statistics_are_folded_into_mean_and_deviation(string keys, double mean, double std)
    {
        Preprocessing read = Read($"{{{keys}, \"size\": 16}}", out _);
        Assert.All(read.Mean.ToArray(), value => Assert.Equal(mean, value, 1e-6));
        Assert.All(read.Std.ToArray(), value => Assert.Equal(std, value, 1e-6));
    }

    [Theory]
    [InlineData("\"do_resize\": false", "do_resize false")]
    [InlineData("\"do_flip_channel_order\": true", "do_flip_channel_order")]
    [InlineData("\"do_pad\": true", "do_pad")]
    [InlineData("\"resample\": 0", "resample 'nearest'")]
    [InlineData("\"resample\": 5", "resample 'hamming'")]
    [InlineData("\"size\": {\"longest_edge\": 256}", "longest_edge")]
    [InlineData("\"size\": {\"height\": 16, \"width\": 32}", "16 x 32")]
    [InlineData("\"size\": {\"shortest_edge\": 256}", "without do_center_crop")]
    [InlineData("\"size\": {\"shortest_edge\": 256, \"longest_edge\": 512}", "together with another bound")]
    [InlineData("\"size\": 16, \"do_center_crop\": true, \"crop_size\": 20", "larger than size")]
    [InlineData("\"rescale_factor\": 0", "rescale_factor is 0")]
    [InlineData("\"image_mean\": [0.5], \"image_std\": [0.5]", "three numbers")]
    [InlineData("\"image_std\": [0, 1, 1]", "image_std")]
    [InlineData("\"crop_pct\": 2", "crop_pct is 2")]
    public void What_is_not_supported_is_refused_by_its_name(string keys, string named) =>
        Assert.Contains(named, Assert.Throws<InvalidDataException>(() => Read($"{{{keys}}}", out _)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_key_that_is_not_known_is_said()
    {
        Read("""{"size": 16, "sharpen": 3, "processor_class": "X"}""", out List<string> notes);
        Assert.Contains("'sharpen'", Assert.Single(notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"architecture": "x", "pretrained_cfg": {"input_size": [3, 32, 32], "crop_pct": 1.0, "crop_mode": "squash", "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}""", "32 px, stretched to 32 + centre crop, bilinear, inception")]
    [InlineData("""{"architecture": "x", "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.9, "interpolation": ""}}""", "224 px, resize 248 + centre crop, bicubic, imagenet")]
    [InlineData("""{"architecture": "x", "input_size": [3, 224, 224], "interpolation": "lanczos", "mean": [0, 0, 0], "std": [1, 1, 1]}""", "224 px, resize 256 + centre crop, lanczos, none")]
    public void Timms_configuration_is_read_in_all_its_forms(string json, string expected)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        Assert.Equal(expected, TimmConfigFile.Pictures(document.RootElement).ToString());
    }

    [Theory]
    [InlineData("\"crop_mode\": \"border\"", "crop_mode 'border'")]
    [InlineData("\"interpolation\": \"nearest\"", "interpolation 'nearest'")]
    [InlineData("\"input_size\": [1, 28, 28]", "input_size")]
    [InlineData("\"input_size\": [3, 224, 196]", "input_size")]
    [InlineData("\"crop_pct\": 0", "crop_pct")]
    public void What_timm_can_do_and_this_cannot_is_refused_by_its_name(string keys, string named)
    {
        using JsonDocument document = JsonDocument.Parse($"{{\"architecture\": \"x\", \"pretrained_cfg\": {{{keys}}}}}");
        Assert.Contains(named, Assert.Throws<InvalidDataException>(() => TimmConfigFile.Pictures(document.RootElement)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stretched_picture_is_cut_in_its_middle()
    {
        Preprocessing stretched = new(4, default, new Rgb(1, 1, 1), EvalResize: 8, Interpolation.Box, Stretch: true);
        using ImageBuffer wide = new(32, 8);
        for (int i = 0; i < wide.Pixels.Length; i++) wide.Pixels[i] = (byte)(i / 3 % 32);
        float[] chw = new float[3 * 16];
        using ImageTransform.Scratch scratch = new();
        ImageTransform.ForEvaluation(stretched.ToTransform()).Apply(wide, new Rng(0), chw, scratch);
        // 32 columns become 8 of four each, of which columns 2 to 5 stay: the means of 8…11, 12…15, 16…19, 20…23, rounded.
        Assert.All(Enumerable.Range(0, 4), x => Assert.Equal((9.5 + (4 * x)) / 255, chw[x], 0.6 / 255));
        Assert.Equal(stretched, Preprocessing.FromJson(stretched.ToJson(), "x"));
    }

    private static Preprocessing Read(string json, out List<string> notes)
    {
        notes = [];
        using JsonDocument document = JsonDocument.Parse(json);
        return ProcessorFile.Read(document.RootElement, notes);
    }
}
