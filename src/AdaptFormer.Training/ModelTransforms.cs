using AdaptFormer.Data;
using AdaptFormer.Models;
using AdaptFormer.Training.Recipes;
using Rgb = AdaptFormer.Models.Rgb;

namespace AdaptFormer.Training;

/// <summary>From what a set of weights expects to how pictures and clips are made ready: models and data do not know each other.</summary>
public static class ModelTransforms
{
    extension(Preprocessing expected)
    {
        /// <summary>How pictures are made ready for these weights.</summary>
        /// <param name="augment">How training cuts and mirrors them; the authors' image settings if null. Evaluation follows the weights
        /// alone.</param>
        public TransformOptions ToTransform(AugmentOptions? augment = null)
        {
            augment ??= new AugmentOptions();
            return new TransformOptions(
                expected.ImgSize, augment.Crop, augment.MinArea, augment.Flip, Enum.Parse<Interpolation>(expected.Interpolation.ToString()),
                expected.EvalResize, Mean: expected.Mean.ToArray(), Std: expected.Std.ToArray(),
                ColorJitter: augment.ColorJitter, RandAugment: augment.RandAugment, Erase: augment.Erase, EvalStretch: expected.Stretch,
                Orientation: Rule(expected.TurnsPictures));
        }

        /// <summary>Whether the frames of clips are turned as their files say.</summary>
        internal OrientationRule ClipOrientation => Rule(expected.TurnsClips);

        /// <summary>How clips are made ready to be scored. Where nothing is known of the views, one of the middle of the video, its
        /// shorter side resized to the model's.</summary>
        /// <param name="numFrames">T.</param>
        /// <param name="views">Views in place of those that belong to the weights.</param>
        public ClipOptions ToClips(int numFrames, ClipViews? views = null)
        {
            ClipOptions plain = new(numFrames, expected.ImgSize, Orientation: expected.ClipOrientation);
            if (expected.Clips is not null) plain = plain with { EvalResize = expected.EvalResize, Interpolation = Enum.Parse<Interpolation>(expected.Interpolation.ToString()) };
            return (views ?? expected.Clips) is not { } chosen
                ? plain
                : plain with { Sampling = Enum.Parse<FrameSampling>(chosen.Sampling.ToString()), SamplingRate = chosen.SamplingRate, Segments = chosen.Segments, Crops = chosen.Crops };
        }
    }

    private static OrientationRule Rule(bool upright) => upright ? OrientationRule.Apply : OrientationRule.Ignore;

    extension(ClipSettings clip)
    {
        /// <summary>What scoring makes of a video under these settings.</summary>
        /// <param name="imgSize">S.</param>
        /// <param name="mean">Of R, G, B.</param>
        /// <param name="std">Of R, G, B.</param>
        public Preprocessing ToPreprocessing(int imgSize, Rgb mean, Rgb std) => new(
            imgSize, mean, std, clip.EvalResize ?? imgSize, Enum.Parse<Resampling>(clip.Interpolation.ToString()),
            new ClipViews(Enum.Parse<FrameRule>(clip.Sampling.ToString()), clip.SamplingRate, clip.Segments, clip.Crops));
    }

    extension(Backbone model)
    {
        /// <summary>Whether the model reads clips [3, T, S, S] and not pictures [3, S, S].</summary>
        public bool ReadsClips => model.InputShape.Rank == 4;

        /// <summary>What pictures must look like for this model: as its weights say, else by its id, else as ImageNet's.</summary>
        /// <exception cref="ArgumentException">The model does not read square pictures.</exception>
        public Preprocessing ExpectedPictures
        {
            get
            {
                (int height, int width) = (model.InputShape[^2], model.InputShape[^1]);
                if (height != width) throw new ArgumentException($"{model.Id} reads {height}x{width} pixels; pictures are cut to squares only: set model.image_size.");
                Preprocessing known = model.Source?.Preprocessing
                    ?? (ModelZoo.Contains(model.Id) ? ModelZoo.Get(model.Id).Preprocessing : Preprocessing.ImageNet(height));
                return known.ImgSize == height ? known : known.WithImgSize(height);
            }
        }
    }
}
