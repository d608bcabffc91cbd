using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Vit;

/// <summary>Image weights for clips as the AdaptFormer authors' video code takes them: no class token, fixed positions, the mean of all tokens.</summary>
public sealed class InflationWithoutTokensTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Class_token_and_learned_positions_are_left_out_and_said()
    {
        string path = TinyBackbone.Save(_folder);
        using Backbone image = TinyBackbone.Open(path);
        BackboneConfig config = ((VitConfig)image.Config).WithInflation(Inflation.Mean, tokens: false).WithNumFrames(4);
        using Backbone model = BackboneLoader.Open(path, new BackboneOptions(Config: config, KeepHead: false));
        Assert.False(((VideoVitConfig)model.Config).ImageTokens);
        Assert.DoesNotContain(model.Parameters(), entry => entry.Key is "cls_token" or "pos_embed");
        Assert.Contains(model.Source!.Report.Changes, change => change.Contains("fixed sinusoid table", StringComparison.Ordinal));
        Assert.Equal(0, model.FrontTokens);
        Assert.Equal(config, BackboneConfig.FromJson(config.ToJson()));

        // A still clip: the patch embedding is the picture's, and what is added to it is the table of sinusoids.
        using TensorScope scope = new();
        VitConfig vit = (VitConfig)image.Config;
        Rng rng = new(2);
        float[] frame = [.. Enumerable.Range(0, 3 * vit.ImgHeight * vit.ImgWidth).Select(_ => (float)rng.NextNormal())];
        float[] clip = [.. Enumerable.Range(0, 3).SelectMany(c => Enumerable.Repeat(frame.AsSpan(c * vit.ImgHeight * vit.ImgWidth, vit.ImgHeight * vit.ImgWidth).ToArray(), 4).SelectMany(plane => plane))];
        float[]? ofPicture = null, ofClip = null;
        image.Forward(Tensor.From(frame, new Shape(1, 3, vit.ImgHeight, vit.ImgWidth)), (name, value) => ofPicture = name == "patch_embed" ? value.ToArray() : ofPicture);
        model.Forward(Tensor.From(clip, new Shape(1, 3, 4, vit.ImgHeight, vit.ImgWidth)), (name, value) => ofClip = name == "patch_embed" ? value.ToArray() : ofClip);
        ParityCase.AssertClose("patches", [.. ofPicture!, .. ofPicture!], ofClip!, 1e-5);
    }
}
