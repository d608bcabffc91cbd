using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Shards;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Models;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Runs.Pretraining;

/// <summary>The pictures or clips that a recipe of pre-training names. Labels are not read, so a folder may hold them in any
/// arrangement.</summary>
public static class PretrainingData
{
    /// <summary>All pictures, or all clips (video files and folders of frames), below a folder whatever their arrangement; or a data set of
    /// the kind that is named.</summary>
    /// <param name="data">What the recipe says.</param>
    /// <param name="clips">Whether the encoder reads clips.</param>
    /// <exception cref="IOException">There is no such path.</exception>
    /// <exception cref="InvalidDataException">The data are damaged, or a folder holds none.</exception>
    public static LabelledDataset Open(DataOptions data, bool clips)
    {
        if (data.Kind == DataOptions.Auto && clips) UnlabelledDataset.RequireAll([data.Train]);
        if (data.Kind != DataOptions.Auto || !Directory.Exists(data.Train)) return Labelled();
        try
        {
            return UnlabelledDataset.Of([data.Train], clips);
        }
        catch (InvalidDataException) when (!clips)
        {
            return Labelled();      // CIFAR's binary files, for one
        }

        LabelledDataset Labelled() => DatasetSource.Open($"{data.Kind}:{data.Train}", root: clips ? data.Clip.Root : null, clips: clips);
    }

    /// <summary>What becomes of them, from their cache if there is one.</summary>
    /// <param name="data">What the recipe says.</param>
    /// <param name="pictures">What the encoder's pictures or clips must look like.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="cache">The open cache, to be disposed after the samples; null if there is none.</param>
    public static SampleMaker Samples(DataOptions data, Preprocessing pictures, Backbone encoder, out IDisposable? cache)
    {
        LabelledDataset files = Open(data, encoder.ReadsClips);
        CachedDataset? packed = data.Packed is { } folder ? ItemCache.Open(files, folder) : null;
        cache = packed;
        return new ItemSamples(packed ?? files, ImageTransform.ForTraining(data.TransformFor(pictures, encoder.InputShape)));
    }
}
