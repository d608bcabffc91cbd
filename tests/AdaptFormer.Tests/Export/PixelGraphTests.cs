using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Export;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Onnx;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Microsoft.ML.OnnxRuntime;
using Xunit;

namespace AdaptFormer.Tests.Export;

/// <summary>Resize, crop and normalisation in a graph give the numbers of our own transform, to the last bit.</summary>
public sealed class PixelGraphTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<Interpolation, int, bool> Framings
    {
        get
        {
            TheoryData<Interpolation, int, bool> framings = [];
            foreach (Interpolation filter in Enum.GetValues<Interpolation>())
            {
                framings.Add(filter, 0, false);
                framings.Add(filter, 29, false);
                framings.Add(filter, 30, true);
            }

            return framings;
        }
    }

    [Theory]
    [MemberData(nameof(Framings))]
    public void Pixels_are_those_of_our_transform(Interpolation filter, int resize, bool stretch)
    {
        OnnxTrial.RequireRuntime();
        Preprocessing pictures = Preprocessing.ImageNet(24) with { Interpolation = filter, EvalResize = resize, Stretch = stretch };
        using InferenceSession session = Session(pictures);
        (int, int)[] sizes = [(24, 24), (61, 40), (40, 61), (7, 5), (1, 1), (200, 3), (333, 250), (24, 29)];
        foreach ((int width, int height) in sizes)
        {
            using ImageBuffer picture = OnnxTrial.Picture(width, height, width + height);
            Assert.Equal(Ours(pictures, picture), Theirs(session, picture));
        }
    }

    [Fact]
    public void Photos_give_the_same_numbers()
    {
        OnnxTrial.RequireRuntime();
        string folder = SharedData.Require("imagenet_samples");
        Preprocessing pictures = Preprocessing.ImageNet();
        using InferenceSession session = Session(pictures);
        using ImageTransform.Scratch scratch = new();
        foreach (string path in Directory.GetFiles(folder, "*.JPEG").Order().Take(4))
        {
            ImageDecoder.Decode(File.ReadAllBytes(path), scratch.Decoded, path);
            Assert.Equal(Ours(pictures, scratch.Decoded), Theirs(session, scratch.Decoded));
        }
    }

    [Fact]
    public void Clips_of_frames_of_any_size_are_answered_as_by_the_model()
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = TinyModels.Create("Video ViT");
        model.ReplaceHead(new AdaptFormer.Models.Layers.Head(AdaptFormer.Models.Layers.HeadKind.Plain, model.NumFeatures, 3, new Rng(1)));
        using Predictor predictor = OnnxTrial.Predictor(model);
        string path = _folder.PathOf("clip.onnx");
        OnnxExporter.Save(path, predictor);
        using OnnxModel file = OnnxModel.Open(path, OnnxTrial.Alone);
        Assert.Equal(OnnxNames.Clip, file.Card.Input);
        Assert.InRange(file.CheckAnswer(), 0, 1e-4);
    }

    private InferenceSession Session(Preprocessing pictures)
    {
        OnnxGraph graph = new(17, data: null);
        (string pixels, _) = PixelGraph.Add(graph, pictures.ToTransform());
        graph.Answer("prepared", pixels, OnnxElement.Float32, "batch", 3L, (long)pictures.ImgSize, (long)pictures.ImgSize);
        string path = _folder.PathOf($"{Guid.NewGuid():N}.onnx");
        using (FileStream stream = File.Create(path)) OnnxModelWriter.Write(graph, "pixels", new Dictionary<string, string>(), "", stream);
        OnnxCheck.Structure(path);
        using SessionOptions options = new();
        OnnxTrial.Alone(options);
        return new InferenceSession(path, options);
    }

    private static float[] Ours(Preprocessing pictures, ImageBuffer picture)
    {
        float[] pixels = new float[3 * pictures.ImgSize * pictures.ImgSize];
        using ImageTransform.Scratch scratch = new();
        ImageTransform.ForEvaluation(pictures.ToTransform()).Apply(picture, new Rng(0), pixels, scratch);
        return pixels;
    }

    private static float[] Theirs(InferenceSession session, ImageBuffer picture)
    {
        using OrtValue input = OrtValue.CreateTensorValueFromMemory(picture.Pixels.ToArray(), [1, picture.Height, picture.Width, 3]);
        using RunOptions options = new();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, ["image"], [input], ["prepared"]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
