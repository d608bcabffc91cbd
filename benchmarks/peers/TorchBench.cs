using TorchSharp;
using static TorchSharp.torch;

namespace AdaptFormer.Peers;

/// <summary>One measurement of LibTorch through TorchSharp: training steps or predictions of random pictures in memory.</summary>
internal static class TorchBench
{
    /// <summary>Prints one JSON line.</summary>
    public static int Run(Options options)
    {
        TorchSetting setting = TorchSetting.Named(options.Text("setting"));
        int batch = options.Count("batch", 16), classes = options.Count("classes", 100);
        double seconds = options.Number("seconds", 4);
        set_num_threads(Environment.ProcessorCount);
        random.manual_seed(0);
        VitSize size = VitSize.Of(options.Text("model", "vit_base_patch16_224"), classes);
        using TorchVit model = new(size, options.Text("method", "adaptformer"), setting);
        using Tensor pixels = randn(batch, 3, size.ImageSize, size.ImageSize), target = randint(classes, batch, dtype: ScalarType.Int64);
        Measured measured = options.Text("mode") == "train" ? Train() : Predict();
        measured.Print();
        return 0;

        Measured Predict()
        {
            using IDisposable guard = inference_mode();
            return Measured.Of(() => model.Forward(pixels, training: false).Dispose(), batch, seconds);
        }

        Measured Train()
        {
            using optim.Optimizer sgd = optim.SGD(model.Trained.Select(entry => entry.Value), 1e-3, momentum: 0.9);
            return Measured.Of(() => Step(model, sgd, pixels, target), batch, seconds);
        }
    }

    /// <summary>Forward, loss, backward and update; the loss.</summary>
    public static double Step(TorchVit model, optim.Optimizer optimizer, Tensor pixels, Tensor target)
    {
        using DisposeScope scope = NewDisposeScope();
        optimizer.zero_grad();
        Tensor loss = nn.functional.cross_entropy(model.Forward(pixels, training: true), target);
        loss.backward();
        optimizer.step();
        return loss.ToDouble();
    }
}
