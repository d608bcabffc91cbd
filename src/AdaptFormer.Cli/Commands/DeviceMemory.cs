using AdaptFormer.Cli.Output;
using AdaptFormer.Cuda;
using AdaptFormer.Experiments;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;

namespace AdaptFormer.Cli.Commands;

/// <summary>The memory of a card that work needs, told before it begins.</summary>
internal static class DeviceMemory
{
    /// <summary>What driver and cuBLASLt take for their own code, beside the context: an estimate.</summary>
    public const long CodeBytes = 256L << 20;

    private const int UnknownClasses = 100;

    /// <summary>Bytes of a training as a recipe says.</summary>
    public static long Training(Recipe recipe, int classes = UnknownClasses) =>
        CudaDevice.MemoryOf(() => Rehearsal.Train(recipe, classes)) + CodeBytes;

    /// <summary>Bytes of a training with SGD and momentum.</summary>
    public static long Training(Func<Backbone> create, Tuning tuning, int classes, int batch)
    {
        TrainerOptions options = new(2, new SgdOptions(), new ConstantSchedule());
        return CudaDevice.MemoryOf(() => Rehearsal.Train(create(), tuning, classes, batch, options, new LossOptions())) + CodeBytes;
    }

    /// <summary>Bytes of a prediction.</summary>
    public static long Predicting(Func<Backbone> create, Tuning tuning, int classes, int batch) =>
        CodeBytes + CudaDevice.MemoryOf(() => Rehearsal.Predict(create(), tuning, classes, batch));

    /// <summary>Refuses a training that the current device has no room for.</summary>
    /// <exception cref="OutOfDeviceMemoryException">It needs more than is free; the message says which batch would fit.</exception>
    public static void Require(Recipe recipe)
    {
        Device device = Backend.Current.Device;
        if (device == Device.Host) return;
        (long needed, long free) = (Training(recipe), CudaDevice.FreeBytes(device));
        if (needed <= free) return;
        string fact = $"{device} has {Format.Bytes(free)} free, and this training needs about {Format.Bytes(needed)} "
            + $"at batch {recipe.Batch}";
        Recipe recomputing = recipe with { Recompute = Recomputation.Blocks };
        string other = recipe.Recompute == Recomputation.None && Training(recomputing) is var less && less <= free
            ? $"--set recompute=blocks needs {Format.Bytes(less)} at this batch, for more time. " : "";
        string smaller = LargestBatch(recipe, free) is { } batch
            ? $"--set batch={batch} accumulate={recipe.Accumulate * (recipe.Batch / batch)} fits, with steps as large. "
            : other.Length == 0 ? "No smaller batch fits. " : "";
        throw new OutOfDeviceMemoryException($"{fact}. {other}{smaller}A smaller model, or a method that trains less, needs less too.");
    }

    /// <summary>The largest batch that fits, of those that go into the recipe's; null if none does.</summary>
    private static int? LargestBatch(Recipe recipe, long free)
    {
        // Two pictures at least: one has no variance that the head's batch norm could learn from.
        for (int parts = 2; recipe.Batch / parts >= 2; parts++)
        {
            if (recipe.Batch % parts == 0 && Training(recipe with { Batch = recipe.Batch / parts }) <= free) return recipe.Batch / parts;
        }

        return null;
    }
}
