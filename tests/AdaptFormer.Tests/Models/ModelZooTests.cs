using AdaptFormer.Models;
using AdaptFormer.Models.Vit;
using Xunit;

namespace AdaptFormer.Tests.Models;

public sealed class ModelZooTests
{
    public static TheoryData<string> Ids => [.. ModelZoo.Ids];

    [Theory]
    [InlineData("vit_tiny_patch16_224", 5_524_416)]
    [InlineData("deit_tiny_patch16_224", 5_524_416)]
    [InlineData("vit_small_patch16_224", 21_665_664)]
    [InlineData("vit_base_patch16_224", 85_798_656)]
    [InlineData("vit_base_patch16_224_in21k", 85_798_656 + (768 * 768) + 768)]
    [InlineData("vit_base_patch16", 85_798_656)]
    [InlineData("vit_large_patch16_224", 303_301_632)]
    [InlineData("vit_huge_patch14_224", 630_764_800)]
    [InlineData("vit_small_patch32_224", 22_878_952 - 385_000)]                  // timm's counts, without the head of 1,000 classes
    [InlineData("vit_base_patch32_224", 88_224_232 - 769_000)]
    [InlineData("vit_large_patch32_224", 306_535_400 - 1_025_000)]
    [InlineData("swin_tiny_patch4_window7_224", 28_288_354 - 769_000)]
    [InlineData("swin_small_patch4_window7_224", 49_606_258 - 769_000)]
    [InlineData("swin_base_patch4_window7_224", 87_768_224 - 1_025_000)]
    [InlineData("swin_large_patch4_window7_224", 196_532_476 - 1_537_000)]
    public void A_model_has_the_published_number_of_parameters(string id, long expected)
    {
        using Backbone model = ModelZoo.Get(id).Create();
        Assert.Equal(expected, model.Parameters().Sum(entry => entry.Value.Length));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Sizes_and_statistics_of_an_id_agree(string id)
    {
        ModelDescription model = ModelZoo.Get(id);
        model.Config.Validate();
        Assert.Equal(model.Config.InputShape[^1], model.Preprocessing.ImgSize);
        Assert.InRange(model.Preprocessing.EvalResize, model.Preprocessing.ImgSize, model.Preprocessing.ImgSize * 8 / 7);
        Assert.NotEqual("custom", model.Preprocessing.Statistics);
    }

    [Theory]
    [InlineData("vit_base_patch16_224", 248)]                    // timm: floor(224 / 0.9)
    [InlineData("vit_base_patch16_384", 384)]
    [InlineData("vit_large_patch32_384", 384)]
    [InlineData("deit_base_patch16_224", 256)]
    [InlineData("deit_base_patch16_384", 438)]                   // floor(384 / 0.875)
    [InlineData("vit_base_patch16_clip_quickgelu_224", 224)]
    [InlineData("swin_base_patch4_window7_224", 248)]            // timm: floor(224 / 0.9)
    [InlineData("swin_base_patch4_window12_384", 384)]
    [InlineData("vit_base_patch16_224.videomae", 224)]
    [InlineData("vit_base_patch14_dinov2", 592)]
    public void The_shorter_side_before_the_crop_is_the_published_one(string id, int evalResize) =>
        Assert.Equal(evalResize, ModelZoo.Get(id).Preprocessing.EvalResize);

    [Fact]
    public void An_unknown_id_is_answered_with_the_nearest_and_where_all_stand()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => ModelZoo.Get("vit_base_patch16_225"));
        Assert.StartsWith("Model 'vit_base_patch16_225' is not known (did you mean 'vit_base_patch16_224'?); 'adaptformer models'", error.Message);
        Assert.StartsWith("Model 'resnet50' is not known; 'adaptformer models'", Assert.Throws<ArgumentException>(() => ModelZoo.Get("resnet50")).Message);
    }

    [Fact]
    public void A_configuration_is_read_from_json_and_written_back()
    {
        BackboneConfig config = BackboneConfig.FromJson("""{"embed_dim": 96, "depth": 6, "num_heads": 3, "patch_size": 8, "img_height": 32, "img_width": 64}""");
        Assert.Equal(new VitConfig(32, 64, 8, 96, 6, 3), config);
        Assert.Equal(config, BackboneConfig.FromJson(config.ToJson()));
        Assert.Contains("embd_dim", Assert.Throws<InvalidDataException>(() => BackboneConfig.FromJson("""{"embd_dim": 96}""")).Message);
        Assert.Contains("num_heads 5 must divide embed_dim 96", Assert.Throws<ArgumentException>(() => BackboneConfig.FromJson("""{"embed_dim": 96, "num_heads": 5}""")).Message);
    }

    [Fact]
    public void A_size_that_has_an_id_is_recognised()
    {
        Assert.Equal("vit_tiny_patch16_224", ModelZoo.ArchitectureOf(new VitConfig(EmbedDim: 192, NumHeads: 3)));
        Assert.Null(ModelZoo.ArchitectureOf(new VitConfig(EmbedDim: 192, NumHeads: 4)));
    }

    [Fact]
    public void Preprocessing_keeps_its_crop_at_another_size_and_survives_json()
    {
        Preprocessing large = Preprocessing.ImageNet().WithImgSize(384);
        Assert.Equal((384, 439), (large.ImgSize, large.EvalResize));
        Assert.Equal(large, Preprocessing.FromJson(large.ToJson(), "test"));
        Assert.Equal(["mean (0.485, 0.456, 0.406), not (0.5, 0.5, 0.5)", "std (0.229, 0.224, 0.225), not (0.5, 0.5, 0.5)", "eval_resize 256, not 248"],
            Preprocessing.ImageNet().DifferencesFrom(Preprocessing.Inception()));
    }
}
