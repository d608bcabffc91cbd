using AdaptFormer.Data;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Training.Recipes;

namespace AdaptFormer.Training.Pretraining;

/// <summary>The pictures or clips that a recipe of pre-training names. Labels are not read, so a folder may hold them in any
/// arrangement.</summary>
public static class PretrainingData
{
    /// <summary>All pictures below a folder whatever their arrangement, or a data set of the kind that is named.</summary>
    /// <exception cref="IOException">There is no such path.</exception>
    /// <exception cref="InvalidDataException">The data are damaged, or a folder holds none.</exception>
    public static ImageDataset Pictures(DataOptions data)
    {
        if (data.Kind != DataOptions.Auto || !Directory.Exists(data.Train)) return DatasetSource.Open($"{data.Kind}:{data.Train}");
        try
        {
            return FileListDataset.Of([data.Train]);
        }
        catch (InvalidDataException)
        {
            return DatasetSource.Open($"{data.Kind}:{data.Train}");      // CIFAR's binary files, for one
        }
    }

    /// <summary>All clips below a folder whatever their arrangement, video files and folders of frames, or a data set of the kind that is
    /// named.</summary>
    /// <exception cref="IOException">There is no such path.</exception>
    /// <exception cref="InvalidDataException">The data are damaged, or a folder holds none.</exception>
    public static ClipDataset Clips(DataOptions data)
    {
        if (data.Kind == DataOptions.Auto) FileListDataset.RequireAll([data.Train]);
        return data.Kind == DataOptions.Auto && Directory.Exists(data.Train) ? UnlabelledClips.Of([data.Train]) : ClipSource.Open($"{data.Kind}:{data.Train}", data.Clip.Root);
    }

    /// <summary>What becomes of them, from their cache if there is one.</summary>
    /// <param name="data">What the recipe says.</param>
    /// <param name="pictures">What the encoder's pictures or clips must look like.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="cache">The open cache, to be disposed after the samples; null if there is none.</param>
    internal static SampleMaker Samples(DataOptions data, Preprocessing pictures, Backbone encoder, out IDisposable? cache)
    {
        if (!encoder.ReadsClips)
        {
            ImageDataset files = Pictures(data);
            CachedDataset? packed = data.Packed is { } folder ? ImageCache.Open(files, folder) : null;
            cache = packed;
            return new PictureSamples(packed ?? files, ImageTransform.ForTraining(pictures.ToTransform(data.Transform)));
        }

        ClipDataset clips = Clips(data);
        CachedClipDataset? frames = data.Packed is { } shards ? ClipCache.Open(clips, shards) : null;
        cache = frames;
        ClipOptions options = data.Clip.For(encoder.InputShape[1], encoder.InputShape[2]) with { Orientation = pictures.ClipOrientation };
        return new ClipSamples(frames ?? clips, new ClipTransform(options, pictures.Mean.ToArray(), pictures.Std.ToArray(), train: true));
    }
}
