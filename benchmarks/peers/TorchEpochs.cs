using System.Diagnostics;
using System.Globalization;
using AdaptFormer.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace AdaptFormer.Peers;

/// <summary>Whole epochs as a user of TorchSharp writes them, from JPEG files in folders of classes. The peer of
/// <c>adaptformer train eurosat-adaptformer</c>: the same model, method, batch, rate and mirroring.</summary>
internal static class TorchEpochs
{
    private const double Rate = 0.05;

    /// <summary>Prints one JSON line an epoch.</summary>
    public static int Run(Options options)
    {
        int batch = options.Count("batch", 32), epochs = options.Count("epochs", 3);
        set_num_threads(Environment.ProcessorCount);
        torch.random.manual_seed(0);
        string data = options.Text("data");
        PictureBatches train = new(Path.Combine(data, "train"), batch), test = new(Path.Combine(data, "test"), batch);
        VitSize size = VitSize.Of("deit_tiny_patch16_224", train.Classes);
        using TorchVit model = new(size, "adaptformer", TorchSetting.Named(options.Text("setting")));
        Load(model, options.Text("weights"));
        using optim.Optimizer sgd = optim.SGD(model.Trained.Select(entry => entry.Value), Rate, momentum: 0.9);
        Random order = new(0);
        int steps = train.Count / batch, done = 0;
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            double losses = 0;
            long begin = Stopwatch.GetTimestamp();
            foreach ((float[] pixels, long[] labels) in train.Ahead(order))
            {
                sgd.ParamGroups.First().LearningRate = Rate * 0.5 * (1 + Math.Cos(Math.PI * done++ / (steps * epochs)));
                using Tensor x = tensor(pixels).reshape(batch, 3, size.ImageSize, size.ImageSize), target = tensor(labels);
                losses += TorchBench.Step(model, sgd, x, target);
            }

            double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds, waited = train.Waited.TotalSeconds;
            double right = Right(model, test, size);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $$"""
                {"epoch":{{epoch}},"loss":{{losses / steps:0.0000}},"seconds":{{seconds:0.00}},"waiting":{{waited / seconds:0.000}},"test_top1":{{100 * right / test.Count:0.0}}}
                """));
        }

        return 0;
    }

    private static double Right(TorchVit model, PictureBatches test, VitSize size)
    {
        using IDisposable guard = inference_mode();
        double right = 0;
        foreach ((float[] pixels, long[] labels) in test.Ahead(null))
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor x = tensor(pixels).reshape(labels.Length, 3, size.ImageSize, size.ImageSize);
            right += model.Forward(x, training: false).argmax(1).eq(tensor(labels)).sum().ToInt64();
        }

        return right;
    }

    private static void Load(TorchVit model, string path)
    {
        using WeightsFile file = WeightsFile.Open(path);
        foreach ((string name, WeightsEntry entry) in file.Entries)
        {
            if (name.StartsWith("head", StringComparison.Ordinal)) continue;
            float[] values = new float[entry.Shape.Length];
            file.ReadFloat32(entry, values);
            using Tensor value = tensor(values);
            model.Set(name, value);
        }
    }
}
