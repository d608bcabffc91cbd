using AdaptFormer.Data.Transforms;
using AdaptFormer.Experiments.Benchmarking;
using AdaptFormer.Export;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Onnx;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using Microsoft.ML.OnnxRuntime;

namespace AdaptFormer.Peers;

/// <summary>ONNX Runtime on a file of our own <c>export</c>.</summary>
internal static class OnnxBench
{
    /// <summary>Writes a model of random weights with AdaptFormer-64 and 100 classes, and has ONNX Runtime answer its self-test: nothing is
    /// timed whose logits are not ours.</summary>
    public static int Export(Options options)
    {
        const int Classes = 100;
        ModelDescription description = ModelZoo.Get(options.Text("model", "vit_base_patch16_224"));
        using RandomWeights random = RandomWeights.For(description);
        using Backbone sizes = description.Create();
        using Backbone model = random.Open(sizes);
        new AdaptFormerTuning().Attach(model, Classes, new Rng(0));
        using Predictor predictor = new(model, [.. Enumerable.Range(0, Classes).Select(i => $"class {i}")], description.Preprocessing);
        string path = options.Text("output");
        OnnxOptions how = new(Pixels: false, options.Has("int8") ? WeightStorage.Int8 : WeightStorage.Float32);
        OnnxExporter.Save(path, predictor, how, check: file =>
        {
            using OnnxModel written = OnnxModel.Open(file);
            Console.Error.WriteLine($"{Path.GetFileName(path)}: largest difference of a logit {written.CheckAnswer():0.0e+0}");
        });
        return 0;
    }

    /// <summary>Prints one JSON line.</summary>
    public static int Run(Options options)
    {
        int batch = options.Count("batch", 16);
        using OnnxModel model = OnnxModel.Open(options.Text("file"), session =>
        {
            session.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL;
            session.IntraOpNumThreads = Environment.ProcessorCount;
        });
        int side = VitSize.Of(options.Text("model", "vit_base_patch16_224"), 1).ImageSize;
        Rng rng = new(0);
        float[] pixels = new float[batch * 3 * side * side];
        foreach (ref float value in pixels.AsSpan()) value = (float)rng.NextNormal();
        Measured.Of(() => model.Run(pixels, [batch, 3, side, side]), batch, options.Number("seconds", 4)).Print();
        return 0;
    }
}
